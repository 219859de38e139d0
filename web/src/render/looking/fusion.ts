/** Layers over the planes and the projection of the opened image. */
import { createVolumeActor, Enums, type Types } from '@cornerstonejs/core';
import type vtkVolume from '@kitware/vtk.js/Rendering/Core/Volume';
import type { OverlayLayer } from '../../core/look';
import { PLANES, type ViewName } from '../../state/model';
import { getState, report, watch } from '../../state/store';
import type { Viewer } from '../viewer';
import { applyLayer } from './layerLook';
import type { Held, Library } from './library';
import type { ViewerPart } from './part';
import { addLayerActor, layerActors, PREFIX } from './sceneActors';

const VIEWS: readonly ViewName[] = [...PLANES, 'volume'];

export class Fusion implements ViewerPart {
  private readonly viewer: Viewer;
  private readonly library: Library;
  private generation = 0;
  /** What lies over the views now, by layer. */
  private shown = new Map<string, Held>();
  onChanged: () => void = () => {};

  constructor(viewer: Viewer, library: Library) {
    this.viewer = viewer;
    this.library = library;
    watch(
      (s) => s.look.overlays,
      () => void this.apply(),
    );
    watch(
      (s) => s.presets,
      () => void this.apply(),
    );
  }

  mounted(): void {
    void this.apply();
  }

  solid(): void {
    void this.applyTo('volume');
  }

  forgotten(): void {
    this.generation++;
    this.shown.clear();
  }

  /** The layers on the screen, the lowest first, with what they show. */
  layers(): { layer: OverlayLayer; held: Held }[] {
    return getState().look.overlays.flatMap((layer) => {
      const held = this.shown.get(layer.id);
      return held && layer.visible ? [{ layer, held }] : [];
    });
  }

  async apply(): Promise<void> {
    const mine = ++this.generation;
    const { info, look } = getState();
    if (!info) return;
    const wanted = look.overlays.filter((layer) => layer.visible);
    const loaded = await Promise.all(wanted.map((layer) => this.load(layer)));
    if (mine !== this.generation) return;
    this.shown = new Map(
      loaded.flatMap((held, n) => (held ? [[wanted[n]!.id, held] as [string, Held]] : [])),
    );
    for (const view of VIEWS) await this.applyTo(view);
    this.onChanged();
  }

  private async load(layer: OverlayLayer): Promise<Held | null> {
    try {
      return await this.library.get(layer.imageId, layer.transform);
    } catch (error) {
      report(error, 'layer');
      return null;
    }
  }

  private async applyTo(view: ViewName): Promise<void> {
    const viewport = this.viewer.viewport(view) as Types.IVolumeViewport | undefined;
    if (!viewport?.getDefaultActor() || viewport.type === Enums.ViewportType.STACK) return;
    const solid = view === 'volume';
    const layers = solid && !this.projects(viewport) ? [] : this.layers();
    const wanted = layers.map(({ layer, held }) => `${PREFIX}${layer.id} ${held.display.volumeId}`);
    const gone = layerActors(viewport).filter(({ uid }) => !wanted.includes(uid));
    if (gone.length > 0) viewport.removeActors(gone.map(({ uid }) => uid));
    const tables = getState().presets?.colormaps ?? [];
    for (const [n, { layer, held }] of layers.entries()) {
      const uid = wanted[n]!;
      const actor = await addLayerActor(viewport, uid, held.display.volumeId, createVolumeActor);
      if (actor) applyLayer(actor as vtkVolume, layer, held.info, tables);
    }
    // Drawing the 3D view takes long where there is no graphics card.
    if (layers.length === 0 && gone.length === 0) return;
    if (solid) this.viewer.sampling.draw(viewport);
    else viewport.render();
  }

  /** Layers lie over projections only: in a solid picture they would hide behind its surface. */
  private projects(viewport: Types.IVolumeViewport): boolean {
    const actor = viewport.getDefaultActor()?.actor as vtkVolume | undefined;
    return (
      (actor?.getMapper() as unknown as { getBlendMode(): number } | undefined)?.getBlendMode() ===
      1
    );
  }
}
