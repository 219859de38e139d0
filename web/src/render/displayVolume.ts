/** The volume that planes and 3D show: one texture, its values replaced when time moves on. */
import { cache, ImageVolume, type Types, volumeLoader } from '@cornerstonejs/core';
import { type GridGeometry, gridGeometry, renderGeometry } from '../core/geometry';
import type { Values } from '../core/shuffle';
import { moved } from '../core/transform';
import { addSource, cacheImage, makeImage, type Source, sliceImageId } from './images';

export class DisplayVolume {
  readonly volumeId: string;
  readonly source: Source;
  readonly volume: ImageVolume;
  /** Where its voxels lie: the grid's place, moved by the layer's transform. */
  readonly geometry: GridGeometry;
  /** Slice of the renderer for each k of the grid. */
  private readonly slotOf: number[];
  private readonly values: Values;
  private readonly copies: boolean;

  constructor(source: Source, time: number, transform: number[] | null = null) {
    const { grid, info, store } = source;
    if (!grid.affine) throw new Error('This image has no place in patient space.');
    addSource(source);
    this.source = source;
    this.volumeId = `medvox-volume:${encodeURIComponent(info.id)}/${source.name}${transform ? `/${transform.join(',')}` : ''}`;
    this.geometry = gridGeometry(grid.shape, moved(grid.affine, transform));
    const geometry = renderGeometry(this.geometry);
    this.slotOf = [];
    geometry.sliceOrder.forEach((k, slot) => {
      this.slotOf[k] = slot;
    });
    // One time point is shown from where it was loaded to; several are copied into one place.
    this.copies = info.time_points > 1;
    this.values = this.copies ? store.values(time).slice() : store.values(0);
    const imageIds = geometry.sliceOrder.map((k) => {
      const view = this.values.subarray(k * store.sliceLength, (k + 1) * store.sliceLength);
      const imageId = sliceImageId(source, 'live', k);
      cacheImage(makeImage(source, imageId, k, view));
      return imageId;
    });
    this.volume = new ImageVolume({
      volumeId: this.volumeId,
      dimensions: geometry.dimensions,
      spacing: geometry.spacing,
      origin: geometry.origin,
      direction: geometry.direction as Types.Mat3,
      dataType: this.values.constructor.name as Types.PixelDataTypedArrayString,
      metadata: metadataOf(source),
      imageIds,
      numberOfComponents: grid.channels,
    } as ConstructorParameters<typeof ImageVolume>[0]);
    if (cache.getVolume(this.volumeId)) cache.removeVolumeLoadObject(this.volumeId);
    cache.putVolumeSync(this.volumeId, this.volume);
    // Slices that arrived before the views have to be sent to the graphics card too.
    for (let k = 0; k < grid.shape[0]; k++)
      if (store.hasSlice(time, k)) this.markUpdated(this.slotOf[k]!);
  }

  /** Values of all voxels shown, (k, j, i). */
  get shown(): Values {
    return this.values;
  }

  value(k: number, j: number, i: number): number {
    const [, rows, columns] = this.source.grid.shape;
    return this.values[(k * rows + j) * columns + i]!;
  }

  /** Some slices of the shown time point have arrived. */
  refresh(time: number, first: number, count: number): void {
    const { store } = this.source;
    if (this.copies) {
      const from = first * store.sliceLength;
      const to = (first + count) * store.sliceLength;
      this.values.set(store.values(time).subarray(from, to), from);
    }
    for (let k = first; k < first + count; k++) this.markUpdated(this.slotOf[k]!);
  }

  /** Shows another time point, as far as it is loaded. */
  setTime(time: number): void {
    this.refresh(time, 0, this.source.grid.shape[0]);
  }

  private markUpdated(slot: number): void {
    (this.volume.vtkOpenGLTexture as { setUpdatedFrame(slot: number): void }).setUpdatedFrame(slot);
  }
}

function metadataOf({ info, grid }: Source): Types.Metadata {
  const [bits, signed] = { uint8: [8, 0], int16: [16, 1], uint16: [16, 0], float32: [32, 1] }[
    info.value.dtype
  ] as [number, number];
  return {
    BitsAllocated: bits,
    BitsStored: bits,
    HighBit: bits - 1,
    SamplesPerPixel: grid.channels,
    PixelRepresentation: signed,
    PhotometricInterpretation: 'MONOCHROME2',
    Modality: info.modality ?? 'OT',
    FrameOfReferenceUID: grid.frame_of_reference ?? info.id,
    ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
    PixelSpacing: [1, 1],
    Columns: grid.shape[2],
    Rows: grid.shape[1],
    voiLut: [],
    VOILUTFunction: 'LINEAR',
    SeriesInstanceUID: info.series_id,
  } as unknown as Types.Metadata;
}

// Keeps the loader module (and with it the volume rendering profile of vtk.js) in the bundle.
export const volumeLoading = volumeLoader;
