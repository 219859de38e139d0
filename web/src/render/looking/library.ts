/** Images beside the opened one: layers over it and panes next to it, each loaded once. */
import { api } from '../../data/api';
import { GridStore } from '../../data/gridStore';
import type { ImageInfo } from '../../data/types';
import { getState, patch } from '../../state/store';
import { DisplayVolume } from '../displayVolume';
import { addSource, type Source } from '../images';
import type { Viewer } from '../viewer';

export interface Held {
  info: ImageInfo;
  display: DisplayVolume;
}

/** Panes and layers of one view; more are let go, the longest unused first. */
const MOST_HELD = 9;
/** Views are told of arriving slices at most this often. */
const TELL_MS = 150;

/** Stored slices of an image, without a volume. */
export interface Slices {
  info: ImageInfo;
  source: Source;
}

export class Library {
  private readonly viewer: Viewer;
  private readonly held = new Map<string, Promise<Held>>();
  private readonly sliceSources = new Map<string, Promise<Slices>>();
  private readonly stores: GridStore[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Called when slices of any held image have arrived. */
  onArrived: () => void = () => {};

  constructor(viewer: Viewer) {
    this.viewer = viewer;
  }

  /** The image as a volume; its slices arrive in the background. */
  get(imageId: string, transform: number[] | null = null): Promise<Held> {
    const { info } = getState();
    if (info?.id === imageId && !transform) {
      return Promise.resolve({ info, display: this.viewer.prepare() });
    }
    const key = transform ? `${imageId} ${transform.join()}` : imageId;
    const known = this.held.get(key);
    const held = known ?? this.load(imageId, transform);
    this.held.delete(key);
    this.held.set(key, held);
    held.catch(() => this.held.delete(key));
    if (this.held.size > MOST_HELD) this.held.delete(this.held.keys().next().value!);
    return held;
  }

  /** Stored slices, for stacks and pictures beside the opened image. */
  slices(imageId: string): Promise<Slices> {
    const known = this.sliceSources.get(imageId) ?? this.loadSlices(imageId);
    this.sliceSources.set(imageId, known);
    known.catch(() => this.sliceSources.delete(imageId));
    return known;
  }

  private async loadSlices(imageId: string): Promise<Slices> {
    const info = await this.info(imageId);
    const { stored } = info.grids;
    const store = new GridStore(stored, info.value.dtype, info.value.min, this.viewer.fetchValues);
    this.stores.push(store);
    const source: Source = { info, name: 'stored', grid: stored, store };
    addSource(source);
    return { info, source };
  }

  /** What the server says of an image. */
  async info(imageId: string): Promise<ImageInfo> {
    const { info, others } = getState();
    if (info?.id === imageId) return info;
    const known = others[imageId] ?? (await api.image(imageId));
    if (!others[imageId]) patch({ others: { ...getState().others, [imageId]: known } });
    return known;
  }

  clear(): void {
    this.sliceSources.clear();
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const store of this.stores) store.close();
    this.stores.length = 0;
    this.held.clear();
  }

  private async load(imageId: string, transform: number[] | null): Promise<Held> {
    const info = await this.info(imageId);
    const name = info.grids.regular ? 'regular' : 'stored';
    const grid = info.grids[name] ?? info.grids.stored;
    if (!grid.affine || grid.channels !== 1) {
      throw new Error(`${info.label} has no place in space: it can only be opened by itself.`);
    }
    const store = new GridStore(grid, info.value.dtype, info.value.min, this.viewer.fetchValues);
    this.stores.push(store);
    const source: Source = { info, name, grid, store };
    const display = new DisplayVolume(source, 0, transform);
    store.onSlices((t, first, count) => {
      if (t === 0) display.refresh(t, first, count);
      this.tell();
    });
    await new Promise<void>((resolve, reject) => {
      store.onSlices(() => store.isComplete(0) && resolve());
      store.load(0, Math.floor(grid.shape[0] / 2), 1, reject);
    });
    return { info, display };
  }

  private tell(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.onArrived();
    }, TELL_MS);
  }
}
