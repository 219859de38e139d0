/**
 * The views on the screen: follows the store, drives Cornerstone3D, and writes back what only the
 * views know (overlay facts, zoom, pan, camera, what is loaded).
 */
import { cache, Enums, type RenderingEngine, type Types } from '@cornerstonejs/core';
import type { PlaneCamera, VolumeCamera } from '../core/hash';
import { conventionalFlips } from '../core/orientation';
import { unit } from '../core/vector';
import { toRange } from '../core/window';
import type { GridStore } from '../data/gridStore';
import { keepStoresOf, storeOf } from '../data/openStores';
import type { GridName, ImageInfo } from '../data/types';
import { PLANES, type State, type ViewName } from '../state/model';
import { gridName, showsPlanes } from '../state/reducers';
import { getState, patch, report, watch } from '../state/store';
import { movePlane, sameCamera, sameVolumeCamera, volumeCamera } from './cameras';
import { DisplayVolume } from './displayVolume';
import { addSource, clearSources, type Source, sliceImageId } from './images';
import type { ViewerPart } from './looking/part';
import { Sampling } from './sampling';
import { CACHE_BYTES, LARGE_CACHE_BYTES } from './setup';
import { type AnyViewport, sameInfo, screenSteps, viewInfo } from './viewInfo';
import { applyPreset, choosePreset } from './volumeLook';

const { BlendModes, Events, OrientationAxis, ViewportType } = Enums;

export const ENGINE_ID = 'medvox';
const BACKGROUND: Types.Point3 = [0, 0, 0];
/** Planes are drawn again at most this often while slices arrive. */
const REDRAW_MS = 120;
/** The same where software draws, for which a picture is work of a tenth of a second. */
const SLOW_REDRAW_MS = 500;
/** The planes are to be seen before the 3D view, whose first picture takes longer than theirs. */
const SOLID_MS = 150;

const ORIENTATION = {
  axial: OrientationAxis.AXIAL,
  coronal: OrientationAxis.CORONAL,
  sagittal: OrientationAxis.SAGITTAL,
  volume: OrientationAxis.CORONAL,
} as const;

type Elements = ReadonlyMap<ViewName, HTMLDivElement>;

export class Viewer {
  readonly engine: RenderingEngine;
  private readonly stores = new Map<GridName, GridStore>();
  private elements: Elements = new Map();
  private display: DisplayVolume | null = null;
  private info: ImageInfo | null = null;
  readonly sampling = new Sampling();
  private ownCameras: Record<string, PlaneCamera> | null = null;
  private ownCamera3d: VolumeCamera | null = null;
  /** The 3D camera of a fresh view: from the front, the whole volume in sight. */
  private home3d: VolumeCamera | null = null;
  private settling = true;
  private painted = false;
  private generation = 0;
  private redrawTimer: ReturnType<typeof setTimeout> | undefined;
  private solidTimer: ReturnType<typeof setTimeout> | undefined;
  private infoFrame = 0;
  private readonly parts: ViewerPart[] = [];
  private readonly stopWatching: (() => void)[];
  /** Called after views were made or removed, for the tools to bind to them. */
  onViews: (views: ViewName[]) => void = () => {};

  constructor(engine: RenderingEngine) {
    this.engine = engine;
    this.stopWatching = [
      watch(
        (s) => s.window,
        () => this.applyWindow(),
      ),
      watch(
        (s) => s.invert,
        () => this.applyWindow(),
      ),
      watch(
        (s) => s.slice,
        () => void this.showSlice(),
      ),
      watch(
        (s) => s.time,
        () => this.showTime(),
      ),
      watch(
        (s) => s.cursor,
        () => this.applyCursor(),
      ),
      watch(
        (s) => s.preset,
        () => this.applyPreset(),
      ),
      watch(
        (s) => s.shift,
        () => this.applyPreset(),
      ),
      watch(
        (s) => s.presets,
        () => this.applyPreset(),
      ),
      watch(
        (s) => s.cameras,
        (c) => c !== this.ownCameras && this.applyCameras(),
      ),
      watch(
        (s) => s.camera3d,
        (c) => c !== this.ownCamera3d && this.applyCamera3d(),
      ),
    ];
  }

  viewport(view: ViewName): AnyViewport | undefined {
    return this.engine.getViewport(view) as AnyViewport | undefined;
  }

  /** The volume that planes and 3D show, for reading values. */
  get displayVolume(): DisplayVolume | null {
    return this.display;
  }

  /** Lets a part follow the views from now on. */
  addPart(part: ViewerPart): void {
    this.parts.push(part);
    if (this.elements.size > 0 && !this.settling) part.mounted();
  }

  /** The opened image as a volume, its slices on their way; for views that others make. */
  prepare(): DisplayVolume {
    const { info, time } = getState();
    if (!info) throw new Error('No image is open.');
    if (info !== this.info) this.forget();
    this.info = info;
    const source = this.source(info, info.grids.regular ? 'regular' : 'stored');
    const display = this.displayOf(source);
    source.store.load(time, Math.floor(source.grid.shape[0] / 2), info.time_points, (e) =>
      report(e, info.label),
    );
    this.settling = false;
    this.painted = true;
    this.noteProgress();
    return display;
  }

  /** Something else shows the opened image: the preview may go. */
  noteReady(): void {
    patch({ loading: { fraction: 1, timeFraction: 1 }, shown: true });
  }

  store(name: GridName): GridStore | undefined {
    return this.stores.get(name);
  }

  /** Shows the image of the state in these elements, one a view. */
  async mount(elements: Elements): Promise<void> {
    const { info, layout } = getState();
    const mine = ++this.generation;
    this.elements = elements;
    this.settling = true;
    this.painted = false;
    if (info !== this.info) this.forget();
    this.info = info;
    if (!info || elements.size === 0) return;
    try {
      this.enable([...elements.keys()]);
      const source = this.source(info, gridName(info, layout));
      if (layout === 'stack') await this.showStack(source);
      else await this.showVolume(source);
      if (mine !== this.generation) return;
      this.settle();
      const { time, slice } = getState();
      const near = layout === 'stack' ? slice : Math.floor(source.grid.shape[0] / 2);
      source.store.load(time, near, info.time_points, (e) => report(e, info.label));
    } catch (error) {
      if (mine === this.generation) report(error, info.label);
    }
  }

  unmount(): void {
    this.generation++;
    this.sampling.stop();
    for (const view of this.elements.keys()) this.engine.disableElement(view);
    this.elements = new Map();
    this.onViews([]);
  }

  destroy(): void {
    for (const stop of this.stopWatching) stop();
    this.unmount();
    this.forget();
  }

  resize(): void {
    if (this.elements.size === 0) return;
    this.engine.resize(true, true);
    this.applyCursor();
    this.updateInfo();
  }

  /** The whole picture in every view, keeping window and position. */
  fit(): void {
    patch({ cameras: {} });
    this.applyCameras();
  }

  private enable(views: ViewName[]): void {
    this.engine.setViewports(
      views.map((view) => ({
        viewportId: view,
        element: this.elements.get(view)!,
        type:
          view === 'stack'
            ? ViewportType.STACK
            : view === 'volume'
              ? ViewportType.VOLUME_3D
              : ViewportType.ORTHOGRAPHIC,
        defaultOptions: {
          background: BACKGROUND,
          ...(view === 'stack' ? {} : { orientation: ORIENTATION[view] }),
        },
      })),
    );
    for (const [view, element] of this.elements) {
      element.addEventListener(Events.CAMERA_MODIFIED, () => this.cameraMoved(view));
      element.addEventListener(Events.IMAGE_RENDERED, () => this.updateInfo());
    }
    this.onViews(views);
  }

  private source(info: ImageInfo, name: GridName): Source {
    const grid = info.grids[name] ?? info.grids.stored;
    let store = this.stores.get(name);
    if (!store) {
      store = storeOf(info, name);
      cache.setMaxCacheSize(store.isTooLarge ? LARGE_CACHE_BYTES : CACHE_BYTES);
      store.onSlices((t, first, count) => this.arrived(name, t, first, count));
      this.stores.set(name, store);
    }
    const source = { info, name, grid, store };
    addSource(source);
    return source;
  }

  private async showStack(source: Source): Promise<void> {
    const { info, grid } = source;
    const { slice, time } = getState();
    const viewport = this.viewport('stack') as Types.IStackViewport;
    const imageIds: string[] = [];
    for (let t = 0; t < Math.max(1, info.time_points); t++) {
      for (let k = 0; k < grid.shape[0]; k++) imageIds.push(sliceImageId(source, t, k));
    }
    await source.store.ensureSlice(time, slice);
    await viewport.setStack(imageIds, time * grid.shape[0] + slice);
  }

  /** Stored slices of a volume are mirrored into the usual view; pictures stay as they are. */
  private flipToConvention(viewport: AnyViewport): void {
    if (this.info?.kind !== 'volume' || !this.info.grids.stored.affine) return;
    const { right, down } = screenSteps(viewport);
    const { horizontal, vertical } = conventionalFlips(unit(right), unit(down));
    // One by one: Cornerstone3D mixes up its vectors when both come in one call.
    if (horizontal) viewport.setCamera({ flipHorizontal: true });
    if (vertical) viewport.setCamera({ flipVertical: true });
  }

  private async showVolume(source: Source): Promise<void> {
    const limit = getState().capabilities?.maxTexture3d ?? 2048;
    if (Math.max(...source.grid.shape) > limit) {
      throw new Error(`This browser shows at most ${limit} voxels a side in planes and 3D.`);
    }
    const { volumeId } = this.displayOf(source);
    for (const plane of PLANES) {
      const viewport = this.viewport(plane) as Types.IVolumeViewport | undefined;
      // One sample a pixel, its colour as it is: compositing would take the power of an opacity of
      // one, which software WebGL gets wrong by several gray levels.
      await viewport?.setVolumes([{ volumeId, blendMode: BlendModes.MAXIMUM_INTENSITY_BLEND }]);
    }
    if (this.display?.source.store.isComplete(getState().time)) {
      this.solidTimer = setTimeout(() => void this.showSolid(), SOLID_MS);
    }
  }

  /** Puts preset, transfer function, light and cuts on the 3D view. */
  applyVolumeLook(): void {
    this.applyPreset();
  }

  /** Brings every view back to its zoom and shift, with what parts add to it. */
  refit(): void {
    this.applyCameras();
  }

  /** Moves the planes through the crosshair again, after something turned them. */
  cutThroughCursor(): void {
    this.applyCursor();
  }

  /** Changes cameras without the views writing them into the state. */
  quietly(work: () => void): void {
    const wasSettling = this.settling;
    this.settling = true;
    work();
    this.settling = wasSettling;
  }

  private displayOf(source: Source): DisplayVolume {
    if (this.display?.source.info !== source.info || this.display.source.name !== source.name) {
      this.display = new DisplayVolume(source, getState().time);
    }
    return this.display;
  }

  /** The 3D view waits for all slices: a part of a volume is slow to draw and misleads. */
  private async showSolid(): Promise<void> {
    const viewport = this.viewport('volume') as Types.IVolumeViewport | undefined;
    const { time } = getState();
    const { display } = this;
    if (!display?.source.store.isComplete(time) || !viewport) return;
    if (viewport.getDefaultActor()) return;
    await viewport.setVolumes([{ volumeId: display.volumeId }]);
    this.home3d = volumeCamera(viewport);
    this.applyPreset();
    this.applyCamera3d();
  }

  /** Brings fresh views to the state, then lets them write to it. */
  private settle(): void {
    this.applyWindow();
    this.applyCameras();
    this.applyCursor();
    this.settling = false;
    for (const part of this.parts) part.mounted();
    const mine = this.generation;
    // The first picture goes when the views have drawn: they do so in the next frame.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        if (mine !== this.generation) return;
        this.painted = true;
        this.noteProgress();
      }),
    );
    this.updateInfo();
  }

  private arrived(name: GridName, t: number, first: number, count: number): void {
    const state = getState();
    if (!state.info || state.info !== this.info || gridName(state.info, state.layout) !== name)
      return;
    this.noteProgress();
    if (state.layout === 'stack' || !this.display || t !== state.time) return;
    this.display.refresh(t, first, count);
    const store = this.stores.get(name)!;
    for (const part of this.parts) part.arrived?.(store.isComplete(t));
    if (store.isComplete(t)) {
      clearTimeout(this.redrawTimer);
      this.redrawTimer = undefined;
      this.renderPlanes();
      this.solidTimer = setTimeout(() => void this.showSolid(), SOLID_MS);
      return;
    }
    const wait = state.capabilities?.software ? SLOW_REDRAW_MS : REDRAW_MS;
    this.redrawTimer ??= setTimeout(() => {
      this.redrawTimer = undefined;
      this.renderPlanes();
    }, wait);
  }

  private noteProgress(): void {
    const { info, layout, time, slice } = getState();
    const store = info && this.stores.get(gridName(info, layout));
    if (!info || !store) return;
    const loading = {
      fraction: store.fraction(time),
      timeFraction: store.timeFraction(info.time_points),
    };
    const enough = showsPlanes(layout) ? loading.fraction > 0 : loading.fraction >= 1;
    const shown = layout === 'stack' ? store.hasSlice(time, slice) : enough;
    patch({ loading, shown: shown && this.painted });
  }

  private renderPlanes(): void {
    for (const plane of PLANES) this.viewport(plane)?.render();
  }

  private applyWindow(): void {
    const { window, invert, info } = getState();
    if (!window || !info) return;
    const inverted = invert !== (info.value.photometric === 'MONOCHROME1');
    for (const view of this.elements.keys()) {
      if (view === 'volume') continue;
      const viewport = this.viewport(view);
      if (!viewport?.getDefaultActor()) continue;
      viewport.setProperties({ voiRange: toRange(window), invert: inverted });
      viewport.render();
    }
    for (const part of this.parts) part.windowed?.();
  }

  private async showSlice(): Promise<void> {
    const { info, layout, slice, time } = getState();
    const viewport = this.viewport('stack') as Types.IStackViewport | undefined;
    if (!info || info !== this.info || layout !== 'stack' || !viewport || this.settling) return;
    const index = time * info.grids.stored.shape[0] + slice;
    try {
      await viewport.setImageIdIndex(index);
      this.noteProgress();
    } catch (error) {
      report(error, `${info.label}, slice ${slice + 1}`);
    }
  }

  private showTime(): void {
    const { info, layout, time, slice } = getState();
    if (!info || info !== this.info || this.settling) return;
    const store = this.stores.get(gridName(info, layout));
    if (layout === 'stack') {
      void this.showSlice();
    } else if (this.display && store) {
      this.display.setTime(time);
      if (store.isComplete(time)) this.engine.render();
      else this.renderPlanes();
    }
    if (store && !store.isComplete(time)) {
      store.load(time, slice, info.time_points, (e) => report(e, info.label));
    }
    this.noteProgress();
  }

  private applyCursor(): void {
    const { cursor } = getState();
    if (!cursor) return;
    for (const plane of PLANES) {
      const viewport = this.viewport(plane);
      if (viewport?.getDefaultActor()) movePlane(viewport, cursor);
    }
    this.updateInfo();
  }

  private applyPreset(): void {
    const { presets, preset, shift, info } = getState();
    const viewport = this.viewport('volume') as Types.IVolumeViewport | undefined;
    const chosen = choosePreset(presets?.volume ?? [], preset, info);
    if (!viewport?.getDefaultActor() || !chosen || !info) return;
    applyPreset(viewport, chosen, info.value.relative, shift);
    for (const part of this.parts) part.solid?.();
    this.sampling.draw(viewport);
  }

  private applyCameras(): void {
    const { cameras } = getState();
    const wasSettling = this.settling;
    this.settling = true;
    for (const view of this.elements.keys()) {
      const viewport = this.viewport(view);
      if (view === 'volume' || !viewport?.getDefaultActor()) continue;
      const camera = cameras[view];
      viewport.resetCamera({ resetPan: true, resetZoom: true, resetToCenter: true });
      if (view === 'stack') this.flipToConvention(viewport);
      if (camera) {
        viewport.setZoom(camera.zoom);
        viewport.setPan(camera.pan);
      }
      viewport.render();
    }
    for (const part of this.parts) part.fitted?.();
    this.applyCursor();
    this.settling = wasSettling;
  }

  private applyCamera3d(): void {
    const { camera3d } = getState();
    const viewport = this.viewport('volume');
    if (!viewport?.getDefaultActor()) return;
    const wasSettling = this.settling;
    this.settling = true;
    viewport.setCamera(camera3d ?? this.home3d ?? {});
    this.sampling.draw(viewport as Types.IVolumeViewport);
    this.settling = wasSettling;
  }

  private cameraMoved(view: ViewName): void {
    this.updateInfo();
    if (this.settling) return;
    const viewport = this.viewport(view);
    if (!viewport?.getDefaultActor()) return;
    if (view === 'volume') {
      this.sampling.moved(viewport as Types.IVolumeViewport);
      const camera = volumeCamera(viewport);
      if (!getState().camera3d && this.home3d && sameVolumeCamera(camera, this.home3d)) return;
      this.ownCamera3d = camera;
      patch({ camera3d: camera });
      return;
    }
    const [x, y] = viewport.getPan();
    const moved = { zoom: viewport.getZoom(), pan: [x, y] as [number, number] };
    const known = getState().cameras[view] ?? { zoom: 1, pan: [0, 0] };
    if (sameCamera(known, moved)) return;
    this.ownCameras = { ...getState().cameras, [view]: moved };
    patch({ cameras: this.ownCameras });
  }

  /** Writes the overlay facts of all views, at most once a frame. */
  private updateInfo(): void {
    if (this.infoFrame) return;
    this.infoFrame = requestAnimationFrame(() => {
      this.infoFrame = 0;
      this.writeInfo(getState());
    });
  }

  private writeInfo(state: State): void {
    let changed = false;
    const views = { ...state.views };
    for (const view of this.elements.keys()) {
      const viewport = this.viewport(view);
      const info = viewport?.getDefaultActor() ? viewInfo(view, viewport, state) : null;
      if (info && !sameInfo(views[view], info)) {
        views[view] = info;
        changed = true;
      }
    }
    if (changed) patch({ views });
  }

  private forget(): void {
    this.sampling.stop();
    clearTimeout(this.redrawTimer);
    this.redrawTimer = undefined;
    clearTimeout(this.solidTimer);
    keepStoresOf(getState().info);
    this.stores.clear();
    this.display = null;
    for (const part of this.parts) part.forgotten?.();
    clearSources();
    cache.purgeCache();
  }
}
