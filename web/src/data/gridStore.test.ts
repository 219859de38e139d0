import { describe, expect, it } from 'vitest';
import type { Values } from '../core/shuffle';
import { GridStore } from './gridStore';
import type { GridInfo } from './types';

const GRID: GridInfo = {
  shape: [5, 2, 2],
  affine: null,
  slice_origins_mm: null,
  frame_of_reference: null,
  space: 'patient',
  etag: 'e',
  channels: 1,
  chunk_slices: 2,
  chunk_count: 3,
  chunk_url: '/c/{t}/{c}',
  slice_url: '/s/{t}/{k}',
};

/** A server whose slice k of time t holds 100 t + k everywhere. */
function fakeServer(log: string[] = []) {
  return async (url: string): Promise<Values> => {
    log.push(url);
    const [, kind, t, n] = url.split('/');
    const first = kind === 's' ? Number(n) : 2 * Number(n);
    const count = kind === 's' ? 1 : Math.min(2, 5 - first);
    const out = new Int16Array(4 * count);
    for (let k = 0; k < count; k++) out.fill(100 * Number(t) + first + k, 4 * k, 4 * (k + 1));
    return out;
  };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('GridStore', () => {
  it('asks for one slice first and puts it in its place', async () => {
    const log: string[] = [];
    const store = new GridStore(GRID, 'int16', -7, fakeServer(log));
    expect([...(await store.ensureSlice(1, 3))]).toEqual([103, 103, 103, 103]);
    expect(log).toEqual(['/s/1/3']);
    expect(store.hasSlice(1, 3)).toBe(true);
    expect([...store.slice(1, 2)]).toEqual([-7, -7, -7, -7]);
  });

  it('loads every chunk, the shown one first, the last one shorter', async () => {
    const log: string[] = [];
    const store = new GridStore(GRID, 'int16', 0, fakeServer(log));
    store.load(0, 4, 2, () => expect.unreachable());
    await settled();
    expect(log[0]).toBe('/c/0/2');
    expect(log).toHaveLength(6);
    expect(store.isComplete(0) && store.isComplete(1)).toBe(true);
    expect(store.timeFraction(2)).toBe(1);
    expect([0, 1, 2, 3, 4].map((k) => store.slice(1, k)[0])).toEqual([100, 101, 102, 103, 104]);
  });

  it('asks for nothing twice', async () => {
    const log: string[] = [];
    const store = new GridStore(GRID, 'int16', 0, fakeServer(log));
    store.load(0, 0, 1, () => {});
    await store.ensureSlice(0, 0);
    await settled();
    store.load(0, 0, 1, () => {});
    await settled();
    expect(log).toHaveLength(3);
  });

  it('tells its listeners what arrived', async () => {
    const store = new GridStore(GRID, 'int16', 0, fakeServer());
    const seen: [number, number, number][] = [];
    store.onSlices((t, first, count) => seen.push([t, first, count]));
    store.load(0, 0, 1, () => {});
    await settled();
    expect(seen).toEqual([
      [0, 0, 2],
      [0, 2, 2],
      [0, 4, 1],
    ]);
  });

  it('hands on a failure once and stops', async () => {
    const failures: unknown[] = [];
    const store = new GridStore(GRID, 'int16', 0, () => Promise.reject(new Error('cut off')));
    store.load(0, 0, 1, (error) => failures.push(error));
    await settled();
    expect(failures.length).toBeGreaterThan(0);
    expect(store.fraction(0)).toBe(0);
  });

  it('refuses a chunk of the wrong length', async () => {
    const store = new GridStore(GRID, 'int16', 0, async () => new Int16Array(3));
    await expect(store.ensureSlice(0, 0)).rejects.toThrow('expected 4');
  });

  it('keeps the last used slices of what is too large', async () => {
    const log: string[] = [];
    const huge: GridInfo = { ...GRID, shape: [400_000_000, 2, 2], chunk_count: 25_000_000 };
    const store = new GridStore(huge, 'int16', -7, fakeServer(log));
    expect(store.isTooLarge).toBe(true);
    store.load(0, 3, 1, () => expect.unreachable());
    await settled();
    expect(log).toEqual(['/s/0/3']);
    expect([...(await store.ensureSlice(0, 4))]).toEqual([4, 4, 4, 4]);
    expect([...store.slice(0, 9)]).toEqual([-7, -7, -7, -7]);
    expect(store.fraction(0)).toBe(1);
    expect(() => store.values(0)).toThrow('too large');
  });
});
