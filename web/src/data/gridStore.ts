/**
 * The voxel values of one grid of one image, filled in as they arrive.
 *
 * Each time point has one array of all its slices; slices and chunks are written into it, and
 * readers hold views of it. The least recently used time points are dropped past a memory limit.
 */

import { forward, outward } from '../core/cine';
import { newValues, type ValueName, type Values } from '../core/shuffle';
import type { FetchValues } from './decoder';
import type { GridInfo } from './types';

/** Decoded values of one image may take this many bytes. */
export const MEMORY_LIMIT = 1.5e9;
/** Of an image of which not even one time point fits, this many bytes of slices are kept. */
const SLICES_LIMIT = 256e6;
/** Requests under way at once. */
const LANES = 3;

export type SliceListener = (t: number, firstSlice: number, count: number) => void;

/** Bytes of one time point of a grid. */
export const bytesOf = (grid: GridInfo, type: ValueName): number =>
  newValues(type, 0).BYTES_PER_ELEMENT *
  grid.shape.reduce((product, n) => product * n, grid.channels);

interface TimePoint {
  values: Values;
  /** Per slice: 1 once its values are there. */
  present: Uint8Array;
  missing: number;
}

export class GridStore {
  readonly grid: GridInfo;
  readonly sliceLength: number;
  private readonly type: ValueName;
  private readonly fill: number;
  private readonly fetchValues: FetchValues;
  private readonly points = new Map<number, TimePoint>();
  private readonly pending = new Map<string, Promise<void>>();
  private readonly listeners = new Set<SliceListener>();
  private readonly maxPoints: number;
  /** Whether slices are kept one by one, the last used ones, since all of them do not fit. */
  readonly isTooLarge: boolean;
  private readonly maxSlices: number;
  private readonly single = new Map<string, Values>();
  private queue: { t: number; c: number }[] = [];
  private lanes = 0;
  private closed = false;
  private onFailure: (error: unknown) => void = () => {};

  constructor(grid: GridInfo, type: ValueName, fill: number, fetchValues: FetchValues) {
    this.grid = grid;
    this.type = type;
    this.fill = fill;
    this.fetchValues = fetchValues;
    this.sliceLength = grid.shape[1] * grid.shape[2] * grid.channels;
    const bytes = bytesOf(grid, type);
    this.maxPoints = Math.max(1, Math.floor(MEMORY_LIMIT / Math.max(bytes, 1)));
    this.isTooLarge = bytes > MEMORY_LIMIT;
    this.maxSlices = Math.max(4, Math.floor((SLICES_LIMIT / Math.max(bytes, 1)) * grid.shape[0]));
  }

  onSlices(listener: SliceListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** All values of a time point, (k, j, i[, channel]); what has not arrived holds the fill value. */
  values(t: number): Values {
    return this.point(t).values;
  }

  slice(t: number, k: number): Values {
    if (this.isTooLarge) return this.single.get(`${t}/${k}`) ?? this.emptySlice();
    return this.point(t).values.subarray(k * this.sliceLength, (k + 1) * this.sliceLength);
  }

  hasSlice(t: number, k: number): boolean {
    if (this.isTooLarge) return this.single.has(`${t}/${k}`);
    return this.points.get(t)?.present[k] === 1;
  }

  isComplete(t: number): boolean {
    return this.points.get(t)?.missing === 0;
  }

  /** Share of the slices of a time point that are there, 0..1. */
  fraction(t: number): number {
    if (this.isTooLarge) return this.single.size > 0 ? 1 : 0;
    const point = this.points.get(t);
    return point ? 1 - point.missing / this.grid.shape[0] : 0;
  }

  /** Complete time points, as a share of `count`. */
  timeFraction(count: number): number {
    if (this.isTooLarge) return this.fraction(0);
    let complete = 0;
    for (const point of this.points.values()) if (point.missing === 0) complete++;
    return complete / Math.max(1, Math.min(count, this.maxPoints));
  }

  /** One slice now: from its chunk if that is loaded or on its way, else by its own request. */
  async ensureSlice(t: number, k: number): Promise<Values> {
    const c = Math.floor(k / this.grid.chunk_slices);
    if (!this.hasSlice(t, k)) {
      const chunk = this.pending.get(`c${t}/${c}`);
      await (chunk ?? this.once(`s${t}/${k}`, () => this.loadSlice(t, k)));
    }
    return this.slice(t, k);
  }

  /** Queues all chunks, nearest to slice `k` of time point `t` first, then the following times. */
  load(t: number, k: number, timePoints: number, onFailure: (error: unknown) => void): void {
    this.onFailure = onFailure;
    if (this.isTooLarge) {
      this.ensureSlice(t, k).catch(onFailure);
      return;
    }
    const near = outward(this.grid.chunk_count, Math.floor(k / this.grid.chunk_slices));
    const times = forward(timePoints, t).slice(0, this.maxPoints);
    this.queue = times.flatMap((time) => near.map((c) => ({ t: time, c })));
    while (this.lanes < LANES && this.queue.length > 0) void this.lane();
  }

  close(): void {
    this.closed = true;
    this.queue = [];
    this.listeners.clear();
    this.points.clear();
    this.single.clear();
  }

  private async lane(): Promise<void> {
    this.lanes++;
    for (let next = this.queue.shift(); next && !this.closed; next = this.queue.shift()) {
      const { t, c } = next;
      try {
        await this.once(`c${t}/${c}`, () => this.loadChunk(t, c));
      } catch (error) {
        this.queue = [];
        if (!this.closed) this.onFailure(error);
      }
    }
    this.lanes--;
  }

  private once(key: string, work: () => Promise<void>): Promise<void> {
    const running = this.pending.get(key);
    if (running) return running;
    const promise = work().finally(() => this.pending.delete(key));
    this.pending.set(key, promise);
    return promise;
  }

  private async loadChunk(t: number, c: number): Promise<void> {
    const first = c * this.grid.chunk_slices;
    const count = Math.min(this.grid.chunk_slices, this.grid.shape[0] - first);
    const there = this.points.get(t)?.present.subarray(first, first + count);
    if (there?.every((flag) => flag === 1)) return;
    const url = fillUrl(this.grid.chunk_url, { t, c });
    this.put(t, first, count, await this.fetchValues(url, this.type), url);
  }

  private async loadSlice(t: number, k: number): Promise<void> {
    const url = fillUrl(this.grid.slice_url, { t, k });
    this.put(t, k, 1, await this.fetchValues(url, this.type), url);
  }

  private put(t: number, first: number, count: number, values: Values, url: string): void {
    if (this.closed) return;
    const expected = count * this.sliceLength;
    if (values.length !== expected) {
      throw new RangeError(`${url}: ${values.length} values, expected ${expected}`);
    }
    if (this.isTooLarge) {
      for (let n = 0; n < count; n++) this.keep(t, first + n, values, n);
      for (const listener of this.listeners) listener(t, first, count);
      return;
    }
    const point = this.point(t);
    point.values.set(values, first * this.sliceLength);
    for (let k = first; k < first + count; k++) {
      if (point.present[k] === 0) point.missing--;
      point.present[k] = 1;
    }
    for (const listener of this.listeners) listener(t, first, count);
  }

  private keep(t: number, k: number, values: Values, n: number): void {
    while (this.single.size >= this.maxSlices) this.single.delete(this.single.keys().next().value!);
    const [from, to] = [n * this.sliceLength, (n + 1) * this.sliceLength];
    this.single.set(`${t}/${k}`, values.slice(from, to) as Values);
  }

  private emptySlice(): Values {
    return newValues(this.type, this.sliceLength).fill(this.fill) as Values;
  }

  private point(t: number): TimePoint {
    if (this.isTooLarge)
      throw new RangeError('This volume is too large for planes and 3D in this browser.');
    const known = this.points.get(t);
    if (known) {
      this.points.delete(t);
      this.points.set(t, known);
      return known;
    }
    if (this.points.size >= this.maxPoints) this.points.delete(this.points.keys().next().value!);
    const slices = this.grid.shape[0];
    const values = newValues(this.type, this.sliceLength * slices);
    if (this.fill !== 0) values.fill(this.fill);
    const point = { values, present: new Uint8Array(slices), missing: slices };
    this.points.set(t, point);
    return point;
  }
}

/** A URL of the server with its numbers. */
export const fillUrl = (template: string, values: Record<string, number>): string =>
  template.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
