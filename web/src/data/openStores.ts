/** The values of the opened image: asked for by the first picture, before the views are there, and taken over by them. */
import { createDecoder, type FetchValues } from './decoder';
import { GridStore } from './gridStore';
import type { GridName, ImageInfo } from './types';

let image: ImageInfo | null = null;
const stores = new Map<GridName, GridStore>();
let decoder: FetchValues | undefined;

/** Fetches in the workers of the page, which are started when they are first needed. */
export const fetchValues: FetchValues = (url, type) => {
  decoder ??= createDecoder();
  return decoder(url, type);
};

/** Closes the stores of every image but this one. */
export function keepStoresOf(info: ImageInfo | null): void {
  if (image === info) return;
  for (const store of stores.values()) store.close();
  stores.clear();
  image = info;
}

/** The store of one grid of the opened image; those of another image are closed. */
export function storeOf(info: ImageInfo, name: GridName): GridStore {
  keepStoresOf(info);
  let store = stores.get(name);
  if (!store) {
    const grid = info.grids[name] ?? info.grids.stored;
    store = new GridStore(grid, info.value.dtype, info.value.min, fetchValues);
    stores.set(name, store);
  }
  return store;
}
