/** The 3D view: own transfer functions, light, cuts, and the planes inside it. */
import { Enums, type Types } from '@cornerstonejs/core';
import vtkPiecewiseFunction from '@kitware/vtk.js/Common/DataModel/PiecewiseFunction';
import vtkPlane from '@kitware/vtk.js/Common/DataModel/Plane';
import vtkColorTransferFunction from '@kitware/vtk.js/Rendering/Core/ColorTransferFunction';
import type vtkVolume from '@kitware/vtk.js/Rendering/Core/Volume';
import { type CutPlane, clipPlanes } from '../../core/clip';
import { getState, watch } from '../../state/store';
import type { Viewer } from '../viewer';
import type { ViewerPart } from './part';
import { SceneSlices } from './sceneSlices';

interface Mapper {
  getClippingPlanes(): { setOrigin(p: number[]): void; setNormal(n: number[]): void }[];
  addClippingPlane(plane: unknown): void;
  removeAllClippingPlanes(): void;
}

export class Solid implements ViewerPart {
  private readonly viewer: Viewer;
  private readonly slices: SceneSlices;
  private cuts: CutPlane[] = [];
  private listening: HTMLElement | null = null;

  constructor(viewer: Viewer) {
    this.viewer = viewer;
    this.slices = new SceneSlices(viewer);
    watch(
      (s) => s.look.transfer,
      () => this.viewer.applyVolumeLook(),
    );
    watch(
      (s) => s.look.light,
      () => this.viewer.applyVolumeLook(),
    );
    watch(
      (s) => s.look.clip,
      () => this.cut(true),
    );
  }

  mounted(): void {
    this.solid();
  }

  solid(): void {
    const viewport = this.viewport();
    const actor = viewport?.getDefaultActor()?.actor as vtkVolume | undefined;
    if (!viewport || !actor) return;
    if (this.listening !== viewport.element) {
      this.listening = viewport.element;
      // Cornerstone3D takes the first two cutting planes for its slab at every turn.
      viewport.element.addEventListener(Enums.Events.CLIPPING_PLANES_UPDATED, () => this.place());
    }
    this.transfer(actor);
    this.light(actor);
    this.cut(false);
    this.slices.update();
  }

  private viewport(): Types.IVolumeViewport | undefined {
    return this.viewer.viewport('volume') as Types.IVolumeViewport | undefined;
  }

  private transfer(actor: vtkVolume): void {
    const { transfer } = getState().look;
    if (!transfer) return;
    const colors = vtkColorTransferFunction.newInstance();
    for (const [x, r, g, b] of transfer.color) colors.addRGBPoint(x, r, g, b);
    const opacities = vtkPiecewiseFunction.newInstance();
    for (const [x, a] of transfer.opacity) opacities.addPoint(x, a);
    actor.getProperty().setRGBTransferFunction(0, colors);
    actor.getProperty().setScalarOpacity(0, opacities);
  }

  private light(actor: vtkVolume): void {
    const { light } = getState().look;
    if (!light) return;
    const property = actor.getProperty();
    property.setShade(light.shade);
    property.setAmbient(light.ambient);
    property.setDiffuse(light.diffuse);
    property.setSpecular(light.specular);
    property.setSpecularPower(light.power);
  }

  private cut(draw: boolean): void {
    const viewport = this.viewport();
    const display = this.viewer.displayVolume;
    if (!viewport?.getDefaultActor() || !display) return;
    const next = clipPlanes(getState().look.clip, display.geometry);
    const changed = JSON.stringify(next) !== JSON.stringify(this.cuts);
    this.cuts = next;
    for (const mapper of this.mappers(viewport)) {
      if (mapper.getClippingPlanes().length !== next.length) {
        mapper.removeAllClippingPlanes();
        for (const { origin, normal } of next) {
          mapper.addClippingPlane(vtkPlane.newInstance({ origin, normal }));
        }
      }
    }
    this.place();
    if (draw && changed) this.viewer.sampling.draw(viewport);
  }

  private place(): void {
    const viewport = this.viewport();
    if (!viewport) return;
    for (const mapper of this.mappers(viewport)) {
      mapper.getClippingPlanes().forEach((plane, n) => {
        const cut = this.cuts[n];
        if (!cut) return;
        plane.setOrigin(cut.origin);
        plane.setNormal(cut.normal);
      });
    }
  }

  /** Of the image and of projections over it. */
  private mappers(viewport: Types.IVolumeViewport): Mapper[] {
    return viewport
      .getActors()
      .filter(({ actor }) => (actor as vtkVolume).isA('vtkVolume'))
      .map(({ actor }) => (actor as vtkVolume).getMapper() as unknown as Mapper);
  }
}
