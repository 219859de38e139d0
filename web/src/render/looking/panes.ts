/** A table of views beside each other: each an image in a plane, going together as they are linked. */
import { createVolumeActor, Enums, type Types } from '@cornerstonejs/core';
import type vtkVolume from '@kitware/vtk.js/Rendering/Core/Volume';
import {
  gridCenter,
  gridGeometry,
  type Index3,
  indexToWorld,
  nearestVoxel,
} from '../../core/geometry';
import type { OverlayLayer, Pane } from '../../core/look';
import { conventionalFlips, type EdgeLetters, edgeLetters } from '../../core/orientation';
import { positionIn } from '../../core/position';
import { planeFrame } from '../../core/rotation';
import { add, clamp, cross, dot, norm, scale, sub, unit, type Vec3 } from '../../core/vector';
import { toRange, type Window } from '../../core/window';
import type { GridInfo, ImageInfo } from '../../data/types';
import type { State } from '../../state/model';
import { defaultWindow, hasPlanes } from '../../state/reducers';
import { getState, report, store } from '../../state/store';
import { sliceImageId, slicePlane } from '../images';
import type { Viewer } from '../viewer';
import { screenSteps } from '../viewInfo';
import { applyLayer } from './layerLook';
import type { Held, Library, Slices } from './library';
import type { ViewerPart } from './part';
import { addLayerActor, layerActors, PREFIX } from './sceneActors';

const { BlendModes, ViewportType, Events } = Enums;

export const paneId = (n: number): string => `pane${n}`;

/** What the text over a pane says. */
export interface PaneInfo {
  label: string;
  letters: EdgeLetters | null;
  window: Window;
  mmPerPixel: number | null;
  slice: number | null;
  sliceCount: number | null;
  cross: [number, number] | null;
}

export interface PaneValue {
  value: number;
  /** (k, j, i) */
  voxel: Index3;
  info: ImageInfo;
  mm: Vec3;
}

interface Shown {
  info: ImageInfo;
  grid: GridInfo;
  held: Held | null;
  slices: Slices | null;
  stored: number;
  /** Parallel scale that shows the whole picture. */
  fit: number;
  home: { focalPoint: Vec3; position: Vec3 };
}

export class Panes implements ViewerPart {
  private readonly viewer: Viewer;
  private readonly library: Library;
  private shown: (Shown | null)[] = [];
  private mountedPanes: readonly HTMLDivElement[] = [];
  private generation = 0;
  onInfo: (infos: (PaneInfo | null)[]) => void = () => {};

  constructor(viewer: Viewer, library: Library) {
    this.viewer = viewer;
    this.library = library;
    library.onArrived = () => this.render();
    const followed = (s: State) => [
      s.look.table,
      s.cursor,
      s.slice,
      s.window,
      s.invert,
      s.cameras,
      s.look.overlays,
      s.presets,
    ];
    let last = followed(getState());
    store.subscribe((state) => {
      const next = followed(state);
      const same = next.every((part, n) => Object.is(part, last[n]));
      last = next;
      if (!same && this.mountedPanes.length > 0) void this.follow();
    });
  }

  mounted(): void {}

  arrived(): void {
    this.render();
  }

  forgotten(): void {
    this.shown = [];
  }

  async mount(elements: readonly HTMLDivElement[]): Promise<void> {
    const mine = ++this.generation;
    this.mountedPanes = elements;
    this.shown = elements.map(() => null);
    const { table } = getState().look;
    const infos = await Promise.all(
      table.panes.map((pane) => this.library.info(pane.imageId ?? getState().imageId!)),
    ).catch((error) => {
      report(error, 'comparison');
      return null;
    });
    if (!infos || mine !== this.generation) return;
    this.viewer.engine.setViewports(
      elements.map((element, n) => ({
        viewportId: paneId(n),
        element,
        type: isStored(table.panes[n]!, infos[n]!) ? ViewportType.STACK : ViewportType.ORTHOGRAPHIC,
        defaultOptions: { background: [0, 0, 0] as Types.Point3 },
      })),
    );
    for (const element of elements) {
      element.addEventListener(Events.IMAGE_RENDERED, () => this.tell());
    }
    await Promise.all(
      elements.map((_, n) =>
        this.fill(n, table.panes[n]!, infos[n]!, mine).catch((e) => report(e, infos[n]!.label)),
      ),
    );
    if (mine === this.generation) await this.follow();
  }

  unmount(): void {
    this.generation++;
    this.mountedPanes.forEach((_, n) => {
      this.viewer.engine.disableElement(paneId(n));
    });
    this.mountedPanes = [];
    this.shown = [];
  }

  resize(): void {
    if (this.mountedPanes.length === 0) return;
    this.viewer.engine.resize(true, true);
    this.shown.forEach((shown, n) => {
      if (shown) this.measure(n, shown);
    });
    void this.follow();
  }

  private viewport<T = Types.IVolumeViewport>(n: number): T | undefined {
    return this.viewer.engine.getViewport(paneId(n)) as T | undefined;
  }

  private async fill(n: number, pane: Pane, info: ImageInfo, mine: number): Promise<void> {
    const shown: Shown = {
      info,
      grid: info.grids.stored,
      held: null,
      slices: null,
      stored: -1,
      fit: 1,
      home: { focalPoint: [0, 0, 0], position: [0, 0, 0] },
    };
    if (isStored(pane, info)) {
      shown.slices = await this.library.slices(info.id);
      if (mine !== this.generation) return;
      const ids = Array.from({ length: shown.grid.shape[0] }, (_, k) =>
        sliceImageId(shown.slices!.source, 0, k),
      );
      shown.stored = Math.floor(ids.length / 2);
      await this.viewport<Types.IStackViewport>(n)!.setStack(ids, shown.stored);
      if (info.id === getState().imageId) this.viewer.noteReady();
    } else {
      shown.held = await this.library.get(info.id);
      if (mine !== this.generation) return;
      shown.grid = shown.held.display.source.grid;
      const { volumeId } = shown.held.display;
      await this.viewport(n)!.setVolumes([
        { volumeId, blendMode: BlendModes.MAXIMUM_INTENSITY_BLEND },
      ]);
    }
    if (mine !== this.generation) return;
    this.measure(n, shown);
    this.shown[n] = shown;
  }

  /** The camera that shows the whole picture, the usual way round. */
  private measure(n: number, shown: Shown): void {
    const pane = getState().look.table.panes[n]!;
    const viewport = this.viewport(n)!;
    if (shown.held && pane.plane !== 'stored') {
      const { normal, up } = planeFrame(pane.plane, null);
      viewport.setOrientation({ viewPlaneNormal: normal, viewUp: up }, false);
    }
    viewport.resetCamera();
    if (shown.slices && shown.info.kind === 'volume' && shown.grid.affine) {
      const { right, down } = screenSteps(viewport);
      const { horizontal, vertical } = conventionalFlips(unit(right), unit(down));
      if (horizontal) viewport.setCamera({ flipHorizontal: true });
      if (vertical) viewport.setCamera({ flipVertical: true });
    }
    const { parallelScale, focalPoint, position } = viewport.getCamera();
    shown.fit = parallelScale!;
    shown.home = { focalPoint: focalPoint as Vec3, position: position as Vec3 };
  }

  /** Brings every pane to the state: position, zoom, window, layers. */
  async follow(): Promise<void> {
    for (let n = 0; n < this.shown.length; n++) {
      const shown = this.shown[n];
      const pane = getState().look.table.panes[n];
      if (!shown || !pane) continue;
      this.frame(n, shown);
      if (shown.slices) await this.step(n, pane, shown);
      else this.cut(n, pane, shown);
      this.window(n, pane, shown);
      if (shown.held) await this.fuse(n, pane);
      this.viewport(n)?.render();
    }
    this.tell();
  }

  /** Zoom and shift: in the scale of the patient where panes go together. */
  private frame(n: number, shown: Shown): void {
    const { cameras, look } = getState();
    const { zoom: linked } = look.table.linked;
    const { zoom, pan } = cameras[linked ? 'grid' : paneId(n)] ?? { zoom: 1, pan: [0, 0] };
    const placed = this.shown.filter((s) => s !== null && measured(s) === measured(shown));
    const fit = linked ? Math.max(...placed.map((s) => s!.fit)) : shown.fit;
    const viewport = this.viewport(n)!;
    const { focalPoint, position } = linked ? this.commonHome(n, shown) : shown.home;
    viewport.setCamera({ parallelScale: fit / zoom, focalPoint, position });
    const { right, down } = screenSteps(viewport);
    const shift = add(scale(right, -pan[0]), scale(down, -pan[1]));
    viewport.setCamera({ focalPoint: add(focalPoint, shift), position: add(position, shift) });
  }

  /** Linked views have the same place in the middle: that of the opened image's volume. */
  private commonHome(n: number, shown: Shown): Shown['home'] {
    const { info } = getState();
    const opened = info && (info.grids.regular ?? info.grids.stored);
    if (!opened?.affine || !shown.grid.affine) return shown.home;
    const middle = gridCenter(gridGeometry(opened.shape, opened.affine));
    const apart = sub(positionIn(middle, opened, shown.grid), shown.home.focalPoint);
    const normal = this.viewport(n)!.getCamera().viewPlaneNormal as Vec3;
    const inPlane = sub(apart, scale(normal, dot(apart, normal)));
    const { focalPoint, position } = shown.home;
    return { focalPoint: add(focalPoint, inPlane), position: add(position, inPlane) };
  }

  /** The common position in the space of a pane's image. */
  private position(shown: Shown): Vec3 | null {
    const { cursor, info } = getState();
    if (!cursor || !info) return null;
    return positionIn(cursor, info.grids.regular ?? info.grids.stored, shown.grid);
  }

  private cut(n: number, pane: Pane, shown: Shown): void {
    const viewport = this.viewport(n)!;
    const point = this.position(shown);
    if (!point) return;
    const { focalPoint, position, viewPlaneNormal } = viewport.getCamera();
    const normal = viewPlaneNormal as Vec3;
    const offset = dot(sub(point, focalPoint as Vec3), normal) - pane.offsetMm;
    viewport.setCamera({
      focalPoint: add(focalPoint as Vec3, scale(normal, offset)),
      position: add(position as Vec3, scale(normal, offset)),
    });
  }

  /** Stored slices: the one nearest to the common position. */
  private async step(n: number, pane: Pane, shown: Shown): Promise<void> {
    const { source } = shown.slices!;
    const count = shown.grid.shape[0];
    const point = this.position(shown);
    const placed = shown.grid.affine && point;
    const k = placed ? nearestSlice(shown.slices!, point, pane.offsetMm) : getState().slice;
    const slice = clamp(placed ? k : k + Math.round(pane.offsetMm), 0, count - 1);
    if (slice === shown.stored) return;
    shown.stored = slice;
    await source.store.ensureSlice(0, slice);
    await this.viewport<Types.IStackViewport>(n)?.setImageIdIndex(slice);
  }

  /** A pane's window: its own, the common one, or the usual one of its image. */
  private windowOf(pane: Pane, info: ImageInfo): Window {
    const { look, window, info: opened } = getState();
    if (info.id === opened?.id && window) return window;
    const { linked } = look.table;
    if (linked.window && window && info.modality === opened?.modality) return window;
    if (pane.center !== null && pane.width !== null) {
      return { center: pane.center, width: pane.width };
    }
    return defaultWindow(info);
  }

  private window(n: number, pane: Pane, { info }: Shown): void {
    const { invert } = getState();
    const voiRange = toRange(this.windowOf(pane, info));
    const inverted = invert !== (info.value.photometric === 'MONOCHROME1');
    this.viewport(n)!.setProperties({ voiRange, invert: inverted });
  }

  private async fuse(n: number, pane: Pane): Promise<void> {
    const viewport = this.viewport(n)!;
    const layers = pane.fused ? getState().look.overlays.filter((layer) => layer.visible) : [];
    const found: { layer: OverlayLayer; held: Held }[] = [];
    for (const layer of layers) {
      found.push({ layer, held: await this.library.get(layer.imageId, layer.transform) });
    }
    const names = found.map(({ layer, held }) => `${PREFIX}${layer.id} ${held.display.volumeId}`);
    const gone = layerActors(viewport).filter(({ uid }) => !names.includes(uid));
    if (gone.length > 0) viewport.removeActors(gone.map(({ uid }) => uid));
    for (const [at, { layer, held }] of found.entries()) {
      const { volumeId } = held.display;
      const actor = await addLayerActor(viewport, names[at]!, volumeId, createVolumeActor);
      const tables = getState().presets?.colormaps ?? [];
      if (actor) applyLayer(actor as vtkVolume, layer, held.info, tables);
    }
  }

  private render(): void {
    this.shown.forEach((shown, n) => {
      if (shown) this.viewport(n)?.render();
    });
  }

  /** The point under a place of a pane, in the space of the opened image. */
  worldAt(n: number, canvas: Types.Point2): Vec3 | null {
    const shown = this.shown[n];
    const opened = getState().info;
    if (!shown?.grid.affine || !opened) return null;
    const world = this.viewport(n)!.canvasToWorld(canvas) as Vec3;
    return positionIn(world, shown.grid, opened.grids.regular ?? opened.grids.stored);
  }

  /** The value under a place of a pane. */
  valueAt(n: number, canvas: Types.Point2): PaneValue | null {
    const shown = this.shown[n];
    if (!shown?.held) return null;
    const { display } = shown.held;
    const voxel = nearestVoxel(display.geometry, this.viewport(n)!.canvasToWorld(canvas) as Vec3);
    if (!voxel || !display.source.store.hasSlice(0, voxel[0])) return null;
    const mm = indexToWorld(display.geometry, voxel);
    return { value: display.value(...voxel), voxel, info: shown.info, mm };
  }

  /** mm from one slice to the next along a pane's normal, with the direction of growing slices. */
  stepOf(n: number): { normal: Vec3; mm: number } | null {
    const shown = this.shown[n];
    if (!shown?.grid.affine) return null;
    const { viewPlaneNormal } = this.viewport(n)!.getCamera();
    const normal = viewPlaneNormal as Vec3;
    const { kStep, jStep, iStep } = gridGeometry(shown.grid.shape, shown.grid.affine);
    const along = [kStep, jStep, iStep].map((step) => dot(step, normal));
    const mm = along.reduce((most, a) => (Math.abs(a) > Math.abs(most) ? a : most), 0);
    return { normal, mm: Math.abs(mm) };
  }

  info(n: number): ImageInfo | null {
    return this.shown[n]?.info ?? null;
  }

  private tell(): void {
    const { panes } = getState().look.table;
    this.onInfo(
      this.shown.map((shown, n) => (shown && panes[n] ? this.infoOf(n, panes[n], shown) : null)),
    );
  }

  private infoOf(n: number, pane: Pane, shown: Shown): PaneInfo {
    const viewport = this.viewport(n)!;
    const { right, down } = screenSteps(viewport);
    const patient = shown.grid.affine !== null && shown.grid.space === 'patient';
    const point = this.position(shown);
    return {
      label: shown.info.label,
      letters: patient ? edgeLetters(right, down) : null,
      window: this.windowOf(pane, shown.info),
      mmPerPixel: measured(shown) ? norm(right) : null,
      slice: shown.slices ? shown.stored : null,
      sliceCount: shown.slices ? shown.grid.shape[0] : null,
      cross: patient && point ? (viewport.worldToCanvas(point) as [number, number]) : null,
    };
  }
}

const measured = ({ info, grid }: Shown): boolean =>
  info.pixel_spacing !== null || grid.space === 'patient';

/** Stored slices where they are asked for, or where the image has no planes. */
const isStored = (pane: Pane, info: ImageInfo): boolean =>
  pane.plane === 'stored' || !hasPlanes(info);

function nearestSlice({ source }: Slices, point: Vec3, offsetMm: number): number {
  const count = source.grid.shape[0];
  const { jStep, iStep } = slicePlane(source, 0);
  const first = slicePlane(source, 0).origin;
  const last = slicePlane(source, count - 1).origin;
  const normal = unit(cross(iStep, jStep));
  const along = dot(sub(last, first), normal) < 0 ? scale(normal, -1) : normal;
  const at = dot(sub(point, first), along) + offsetMm;
  let nearest = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let k = 0; k < count; k++) {
    const distance = Math.abs(dot(sub(slicePlane(source, k).origin, first), along) - at);
    if (distance < least) [nearest, least] = [k, distance];
  }
  return nearest;
}
