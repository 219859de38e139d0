import { useEffect, useRef, useState } from 'react';
import { gridGeometry } from '../core/geometry';
import { pixelsOf } from '../core/gray';
import { conventionalFlips } from '../core/orientation';
import type { Values } from '../core/shuffle';
import { unit } from '../core/vector';
import { fillUrl } from '../data/gridStore';
import { fetchValues, storeOf } from '../data/openStores';
import type { GridInfo, ImageInfo } from '../data/types';
import { gridName } from '../state/reducers';
import { getState, patch, report } from '../state/store';
import { useMedvox } from './useMedvox';

/** Larger slices stay the server's preview until the views are there. */
const MOST_PIXELS = 4e6;

interface Props {
  /** Called once there is a picture, or none can be made. */
  onDrawn: () => void;
  /** Called with the image that there is a picture of. */
  onPicture: (imageId: string) => void;
}

/**
 * The shown slice in true values and the chosen window, drawn by a few lines of code: it is there
 * seconds before the views, whose program is large. The slices that the views need are asked for
 * meanwhile.
 */
export function FirstPicture({ onDrawn, onPicture }: Props) {
  const info = useMedvox((s) => s.info);
  const layout = useMedvox((s) => s.layout);
  const slice = useMedvox((s) => s.slice);
  const time = useMedvox((s) => s.time);
  const window = useMedvox((s) => s.window);
  const invert = useMedvox((s) => s.invert);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [values, setValues] = useState<Values | null>(null);
  const name = info ? gridName(info, layout) : 'stored';
  const grid = info?.grids[name] ?? info?.grids.stored;

  useEffect(() => {
    setValues(null);
    if (!info || !grid) return;
    const k = layout === 'stack' ? slice : Math.floor(grid.shape[0] / 2);
    let left = false;
    let stop = () => {};
    // Only now: making room for all slices takes a moment, and the picture is to be seen before.
    const loadRest = () => {
      onDrawn();
      setTimeout(() => {
        if (left || getState().info !== info) return;
        const store = storeOf(info, name);
        stop = store.onSlices(() => {
          const fraction = store.fraction(time);
          patch({ loading: { fraction, timeFraction: store.timeFraction(info.time_points) } });
        });
        store.load(time, k, info.time_points, (e) => report(e, info.label));
      }, 30);
    };
    if (grid.shape[1] * grid.shape[2] > MOST_PIXELS) {
      loadRest();
    } else {
      fetchValues(fillUrl(grid.slice_url, { t: time, k }), info.value.dtype).then(
        (found) => {
          if (left) return;
          setValues(found);
          onPicture(info.id);
          requestAnimationFrame(loadRest);
        },
        // The views ask again, and tell what is wrong.
        onDrawn,
      );
    }
    return () => {
      left = true;
      stop();
    };
  }, [info, grid, name, layout, slice, time, onDrawn, onPicture]);

  useEffect(() => {
    if (!values || !canvas.current || !info || !grid) return;
    const inverted = invert !== (info.value.photometric === 'MONOCHROME1');
    draw(canvas.current, grid, pixelsOf(values, grid.channels, window, inverted), info);
  }, [values, window, invert, info, grid]);

  if (!info || !grid || !values) return null;
  return (
    <canvas
      ref={canvas}
      data-first-picture={info.id}
      role="img"
      aria-label={info.label}
      style={{ transform: flips(info, grid) }}
    />
  );
}

/** The pixels at their aspect: rows are stretched where they lie further apart than columns. */
function draw(
  target: HTMLCanvasElement,
  grid: GridInfo,
  pixels: Uint8ClampedArray<ArrayBuffer>,
  info: ImageInfo,
): void {
  const [, rows, columns] = grid.shape;
  const { row_mm = 1, column_mm = 1 } = info.pixel_spacing ?? {};
  const wide = Math.max(1, column_mm / row_mm);
  const tall = Math.max(1, row_mm / column_mm);
  const plain = new OffscreenCanvas(columns, rows);
  plain.getContext('2d')!.putImageData(new ImageData(pixels, columns, rows), 0, 0);
  target.width = Math.round(columns * wide);
  target.height = Math.round(rows * tall);
  target.getContext('2d')!.drawImage(plain, 0, 0, target.width, target.height);
}

/** As the views mirror stored slices into the usual view. */
function flips(info: ImageInfo, grid: GridInfo): string | undefined {
  if (info.kind !== 'volume' || !grid.affine) return undefined;
  const { iStep, jStep } = gridGeometry(grid.shape, grid.affine);
  const { horizontal, vertical } = conventionalFlips(unit(iStep), unit(jStep));
  return `scale(${horizontal ? -1 : 1}, ${vertical ? -1 : 1})`;
}
