/**
 * The server's slices as Cornerstone3D images: an image loader and a metadata provider for ids
 * `medvox:IMAGE/GRID/TIME/SLICE`, where TIME is `live` for the volume that planes and 3D show.
 */
import { cache, imageLoader, metaData, type Types, utilities } from '@cornerstonejs/core';
import { gridGeometry } from '../core/geometry';
import type { Values } from '../core/shuffle';
import { add, scale, unit, type Vec3 } from '../core/vector';
import type { GridStore } from '../data/gridStore';
import type { GridInfo, GridName, ImageInfo } from '../data/types';
import { defaultWindow } from '../state/reducers';

const SCHEME = 'medvox';

export interface Source {
  info: ImageInfo;
  name: GridName;
  grid: GridInfo;
  store: GridStore;
}

export interface SlicePlane {
  /** Centre of voxel (k, 0, 0), LPS mm; in pixels where the image has no place in a patient. */
  origin: Vec3;
  jStep: Vec3;
  iStep: Vec3;
}

const sources = new Map<string, Source>();
const keyOf = (id: string, name: GridName): string => `${encodeURIComponent(id)}/${name}`;

export const addSource = (source: Source): unknown =>
  sources.set(keyOf(source.info.id, source.name), source);

export const clearSources = (): void => sources.clear();

export function sliceImageId(source: Source, time: number | 'live', k: number): string {
  return `${SCHEME}:${keyOf(source.info.id, source.name)}/${time}/${k}`;
}

function parse(imageId: string): { source: Source; time: number | 'live'; k: number } | null {
  if (!imageId.startsWith(`${SCHEME}:`)) return null;
  const [id, name, time, k] = imageId.slice(SCHEME.length + 1).split('/');
  const source = sources.get(`${id}/${name}`);
  if (!source) return null;
  return { source, time: time === 'live' ? 'live' : Number(time), k: Number(k) };
}

/** Where one slice lies: its own stored origin and the in-plane steps of the grid. */
export function slicePlane({ grid, info }: Pick<Source, 'grid' | 'info'>, k: number): SlicePlane {
  if (grid.affine) {
    const geometry = gridGeometry(grid.shape, grid.affine);
    const { jStep, iStep } = geometry;
    const origin = grid.slice_origins_mm?.[k] ?? add(geometry.origin, scale(geometry.kStep, k));
    return { origin, jStep, iStep };
  }
  const spacing = info.pixel_spacing;
  return {
    origin: grid.slice_origins_mm?.[k] ?? [0, 0, 0],
    jStep: [0, spacing?.row_mm ?? 1, 0],
    iStep: [spacing?.column_mm ?? 1, 0, 0],
  };
}

const BITS = { uint8: 8, int16: 16, uint16: 16, float32: 32 } as const;

function pixelModule({ info, grid }: Source) {
  const { dtype, photometric } = info.value;
  const bits = BITS[dtype];
  return {
    bitsAllocated: bits,
    bitsStored: bits,
    highBit: bits - 1,
    samplesPerPixel: grid.channels,
    // Signed whole numbers and floats: 1; it decides the array type of volumes.
    pixelRepresentation: dtype === 'int16' || dtype === 'float32' ? 1 : 0,
    // MONOCHROME1 is shown inverted by the viewer itself, so the same code serves every view.
    photometricInterpretation: photometric === 'RGB' ? 'RGB' : 'MONOCHROME2',
    rows: grid.shape[1],
    columns: grid.shape[2],
  };
}

function planeModule(source: Source, k: number) {
  const { grid } = source;
  const { origin, jStep, iStep } = slicePlane(source, k);
  const [rowCosines, columnCosines] = [unit(iStep), unit(jStep)];
  const [rowPixelSpacing, columnPixelSpacing] = [Math.hypot(...jStep), Math.hypot(...iStep)];
  return {
    frameOfReferenceUID: grid.frame_of_reference ?? `${source.info.id}/${source.name}`,
    rows: grid.shape[1],
    columns: grid.shape[2],
    imageOrientationPatient: [...rowCosines, ...columnCosines],
    rowCosines,
    columnCosines,
    imagePositionPatient: origin,
    pixelSpacing: [rowPixelSpacing, columnPixelSpacing],
    rowPixelSpacing,
    columnPixelSpacing,
    usingDefaultValues: false,
  };
}

function voiModule({ info }: Source) {
  const { center, width } = defaultWindow(info);
  return { windowCenter: [center], windowWidth: [width] };
}

function provide(type: string, imageId: unknown): unknown {
  if (typeof imageId !== 'string') return undefined;
  const parsed = parse(imageId);
  if (!parsed) return undefined;
  const { source, k } = parsed;
  switch (type) {
    case 'imagePixelModule':
      return pixelModule(source);
    case 'imagePlaneModule':
      return planeModule(source, k);
    case 'generalSeriesModule':
      return { modality: source.info.modality ?? 'OT', seriesInstanceUID: source.info.series_id };
    case 'voiLutModule':
      return voiModule(source);
    case 'modalityLutModule':
      return { rescaleSlope: 1, rescaleIntercept: 0, rescaleType: source.info.value.unit };
    default:
      return undefined;
  }
}

/** A Cornerstone3D image over a view of the grid store's values. */
export function makeImage(source: Source, imageId: string, k: number, data: Values): Types.IImage {
  const { info, grid } = source;
  const plane = planeModule(source, k);
  const color = grid.channels === 3;
  const { center, width: windowWidth } = defaultWindow(info);
  const [height, width] = [grid.shape[1], grid.shape[2]];
  return {
    imageId,
    isPreScaled: true,
    minPixelValue: info.value.min,
    maxPixelValue: info.value.max,
    slope: 1,
    intercept: 0,
    windowCenter: center,
    windowWidth,
    voiLUTFunction: 'LINEAR' as Types.IImage['voiLUTFunction'],
    getPixelData: () => data,
    getCanvas: () => document.createElement('canvas'),
    rows: height,
    columns: width,
    height,
    width,
    color,
    rgba: false,
    numberOfComponents: grid.channels,
    columnPixelSpacing: plane.columnPixelSpacing,
    rowPixelSpacing: plane.rowPixelSpacing,
    invert: false,
    photometricInterpretation: color ? 'RGB' : 'MONOCHROME2',
    sizeInBytes: data.byteLength,
    dataType: data.constructor.name as Types.IImage['dataType'],
    voxelManager: utilities.VoxelManager.createImageVoxelManager({
      width,
      height,
      numberOfComponents: grid.channels,
      scalarData: data,
    }),
  };
}

async function load(imageId: string): Promise<Types.IImage> {
  const parsed = parse(imageId);
  if (!parsed || parsed.time === 'live') throw new Error(`Unknown image ${imageId}`);
  const { source, time, k } = parsed;
  return makeImage(source, imageId, k, await source.store.ensureSlice(time, k));
}

export function registerImages(): void {
  imageLoader.registerImageLoader(SCHEME, (imageId: string) => ({ promise: load(imageId) }));
  metaData.addProvider(provide, 9999);
}

/** Puts the slices of the live volume into the cache; Cornerstone3D reads them from there. */
export function cacheImage(image: Types.IImage): void {
  if (!cache.getImageLoadObject(image.imageId)) cache.putImageSync(image.imageId, image);
}
