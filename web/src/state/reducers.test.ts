import { describe, expect, it } from 'vitest';
import { decodeHash, EMPTY } from '../core/hash';
import type { GridInfo, ImageInfo } from '../data/types';
import { INITIAL, type State } from './model';
import {
  addError,
  defaultLayout,
  gridName,
  openImage,
  resetView,
  scrollView,
  setCursor,
  setLayout,
  setSlice,
  setTime,
  shownSlice,
  stepTime,
  urlHash,
} from './reducers';

const grid = (part: Partial<GridInfo> = {}): GridInfo => ({
  shape: [10, 20, 30],
  affine: [
    [0, 0, 1, 0],
    [0, 1, 0, 0],
    [2, 0, 0, 0],
    [0, 0, 0, 1],
  ],
  slice_origins_mm: null,
  frame_of_reference: 'f',
  space: 'patient',
  etag: 'e',
  channels: 1,
  chunk_slices: 16,
  chunk_count: 1,
  chunk_url: '',
  slice_url: '',
  ...part,
});

const TILTED = grid({
  affine: [
    [0, 0, 1, 0],
    [0, 1, 0, 0],
    [2, 0.3, 0, 0],
    [0, 0, 0, 1],
  ],
});

const image = (part: Partial<ImageInfo> = {}): ImageInfo => ({
  id: 'x',
  series_id: 's',
  study_id: 's',
  label: 'x',
  kind: 'volume',
  modality: 'CT',
  axes: ['k', 'j', 'i'],
  shape: [10, 20, 30],
  value: {
    dtype: 'int16',
    unit: 'HU',
    meaning: '',
    min: -1000,
    max: 1000,
    relative: [-1000, 900],
    suv_factor: null,
    photometric: 'MONOCHROME2',
  },
  windows: [{ name: 'Soft', center: 40, width: 400 }],
  volume_presets: ['ct-bone'],
  frame_times_s: null,
  frame_rate: null,
  pixel_spacing: null,
  overlay: [],
  grids: { stored: grid(), regular: null },
  badge: null,
  findings: [],
  time_points: 1,
  ...part,
});

const opened = (info: ImageInfo, url = EMPTY): State => ({
  ...INITIAL,
  ...openImage(INITIAL, info, url),
});

describe('openImage', () => {
  it('shows volumes as planes and 3D, others as a stack', () => {
    expect(opened(image()).layout).toBe('mpr');
    expect(opened(image({ kind: 'picture' })).layout).toBe('stack');
    expect(opened(image({ grids: { stored: grid({ affine: null }), regular: null } })).layout).toBe(
      'stack',
    );
  });

  it('never gives a tilted stored grid to the planes', () => {
    expect(defaultLayout(image({ grids: { stored: TILTED, regular: null } }))).toBe('stack');
    const both = image({ grids: { stored: TILTED, regular: grid() } });
    expect(defaultLayout(both)).toBe('mpr');
    expect(gridName(both, 'mpr')).toBe('regular');
    expect(gridName(both, 'stack')).toBe('stored');
  });

  it('starts in the middle with the first window and preset', () => {
    const state = opened(image());
    expect(state.slice).toBe(5);
    expect(state.window).toEqual({ center: 40, width: 400 });
    expect(state.preset).toBe('ct-bone');
    expect(state.cursor).toEqual([15, 10, 10]);
  });

  it('takes the value range where no window is stated', () => {
    expect(opened(image({ windows: [] })).window).toEqual({ center: 0, width: 2000 });
  });

  it('restores what the URL of this image says, within bounds', () => {
    const url = decodeHash('#image=x&layout=stack&slice=99&window=10,20&invert=1');
    const state = opened(image(), url);
    expect([state.layout, state.slice, state.invert]).toEqual(['stack', 9, true]);
    expect(state.window).toEqual({ center: 10, width: 20 });
  });

  it('passes over the URL of another image', () => {
    expect(opened(image(), decodeHash('#image=other&slice=2')).slice).toBe(5);
  });
});

describe('moving', () => {
  const state = opened(image({ time_points: 4 }));

  it('keeps slices and times within the image', () => {
    expect(setSlice(state, 99)).toEqual({ slice: 9 });
    expect(setSlice(state, -3)).toEqual({ slice: 0 });
    expect(setTime(state, 17)).toEqual({ time: 3 });
  });

  it('plays round', () => {
    expect(stepTime({ ...state, time: 3 }, 1)).toEqual({ time: 0 });
    expect(stepTime({ ...state, time: 0 }, -1)).toEqual({ time: 3 });
  });

  it('snaps the crosshair to voxels and ignores points outside', () => {
    expect(setCursor(state, [3.3, 4.6, 5.2])).toEqual({ cursor: [3, 5, 6] });
    expect(setCursor(state, [300, 0, 0])).toEqual({});
  });

  it('scrolls each plane along its own axis', () => {
    expect(scrollView(state, 'axial', 1)).toEqual({ cursor: [15, 10, 12] });
    expect(scrollView(state, 'coronal', -2)).toEqual({ cursor: [15, 8, 10] });
    expect(scrollView(state, 'sagittal', 100)).toEqual({ cursor: [29, 10, 10] });
    expect(scrollView(state, 'volume', 1)).toEqual({});
  });

  it('scrolls a stack through slices, a cine through time', () => {
    const stack = opened(image({ kind: 'stack' }));
    expect(scrollView(stack, 'stack', 1)).toEqual({ slice: 6 });
    const flat = { stored: grid({ shape: [1, 20, 30], affine: null }), regular: null };
    const cine = opened(image({ kind: 'cine', grids: flat, time_points: 4 }));
    expect(scrollView(cine, 'stack', 1)).toEqual({ time: 1 });
  });
});

describe('views', () => {
  it('offers planes only where there are any', () => {
    expect(setLayout(opened(image({ kind: 'picture' })), 'mpr')).toEqual({});
    expect(setLayout(opened(image()), 'stack').layout).toBe('stack');
  });

  it('leaves the views alone where the layout is chosen already', () => {
    const shown = { ...opened(image()), shown: true };
    expect(setLayout(shown, shown.layout)).toEqual({});
  });

  it('goes back to how the image was opened', () => {
    const state = { ...opened(image()), window: { center: 1, width: 2 }, invert: true, shift: 5 };
    const back = resetView(state);
    expect(back.window).toEqual({ center: 40, width: 400 });
    expect([back.invert, back.shift]).toEqual([false, 0]);
  });

  it('writes a URL that opens the same view', () => {
    const state = {
      ...opened(image()),
      window: { center: 7, width: 8 },
      cursor: [3, 5, 6] as [number, number, number],
    };
    const again = opened(image(), decodeHash(urlHash(state)));
    expect(again.window).toEqual(state.window);
    expect(again.cursor).toEqual(state.cursor);
    expect(again.layout).toBe('mpr');
  });

  it('shows an error once and at most five', () => {
    const error = { what: 'a', where: 'b', advice: 'c' };
    expect(addError({ ...INITIAL, errors: [error] }, error)).toEqual({});
    let state = INITIAL;
    for (let n = 0; n < 9; n++)
      state = { ...state, ...addError(state, { ...error, what: String(n) }) };
    expect(state.errors.map((e) => e.what)).toEqual(['4', '5', '6', '7', '8']);
  });
});

describe('shownSlice', () => {
  const origins: [number, number, number][] = Array.from({ length: 10 }, (_, k) => [0, 0, k * k]);
  it.each([
    ['the slice of the stack', {}, 'stack', 4],
    ['the crosshair on a tilted grid', TILTED, 'mpr', 3],
    ['the crosshair between uneven slices', { slice_origins_mm: origins }, 'mpr', 2],
  ] as const)('takes %s', (_, part, layout, expected) => {
    const info = image({ grids: { stored: grid(part as Partial<GridInfo>), regular: null } });
    expect(shownSlice({ ...INITIAL, info, layout, slice: 4, cursor: [3, 2, 6.2] })).toBe(expected);
  });
});
