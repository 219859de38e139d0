/** Directions, slabs, colours and interpolation of the three planes. */
import { Enums, type Types } from '@cornerstonejs/core';
import vtkColorTransferFunction from '@kitware/vtk.js/Rendering/Core/ColorTransferFunction';
import type vtkVolume from '@kitware/vtk.js/Rendering/Core/Volume';
import { colorPoints, findTable } from '../../core/colormap';
import type { Look } from '../../core/look';
import { planeFrame } from '../../core/rotation';
import { dot, type Vec3 } from '../../core/vector';
import { toRange } from '../../core/window';
import { PLANES, type Plane } from '../../state/model';
import { getState, watch } from '../../state/store';
import type { Viewer } from '../viewer';
import { exactOpacity } from './layerLook';
import type { ViewerPart } from './part';

const { BlendModes } = Enums;

const BLEND = {
  none: BlendModes.MAXIMUM_INTENSITY_BLEND,
  max: BlendModes.MAXIMUM_INTENSITY_BLEND,
  min: BlendModes.MINIMUM_INTENSITY_BLEND,
  mean: BlendModes.AVERAGE_INTENSITY_BLEND,
} as const;

/** Cornerstone3D's half thickness of a plane without slab. */
const THIN_MM = 0.05;

interface Mapper {
  setSampleDistance(distance: number): void;
  getInputData(): { getSpacing(): number[] };
  setBlendMode(mode: number): void;
  setIpScalarRange?(range: number[]): void;
}

export class Planes implements ViewerPart {
  private readonly viewer: Viewer;
  private wasPlain = true;

  constructor(viewer: Viewer) {
    this.viewer = viewer;
    const watched: (keyof Look)[] = ['rotation', 'slab', 'colormap', 'smooth'];
    for (const key of watched) {
      watch(
        (s) => s.look[key],
        () => this.apply(key === 'rotation'),
      );
    }
    watch(
      (s) => s.presets,
      () => this.apply(false),
    );
  }

  mounted(): void {
    this.apply(true);
  }

  fitted(): void {
    this.turn();
  }

  windowed(): void {
    this.color();
  }

  /** All planes that show something. */
  private *shown(): Generator<[Plane, Types.IVolumeViewport]> {
    for (const plane of PLANES) {
      const viewport = this.viewer.viewport(plane) as Types.IVolumeViewport | undefined;
      if (viewport?.getDefaultActor()) yield [plane, viewport];
    }
  }

  private apply(turned: boolean): void {
    if (turned) {
      this.turn();
      this.viewer.cutThroughCursor();
    }
    this.slabs();
    this.color();
  }

  /** Puts the slab on every layer too. */
  slabs(): void {
    for (const [, viewport] of this.shown()) this.slab(viewport);
  }

  private turn(): void {
    const { rotation } = getState().look;
    for (const [plane, viewport] of this.shown()) {
      const { normal, up } = planeFrame(plane, rotation);
      const { viewPlaneNormal, viewUp } = viewport.getCamera();
      const same = (a: Vec3, b: Vec3) => dot(a, b) > 1 - 1e-9;
      if (same(normal, viewPlaneNormal as Vec3) && same(up, viewUp as Vec3)) continue;
      this.viewer.quietly(() => {
        const zoom = viewport.getZoom();
        const pan = viewport.getPan();
        viewport.setOrientation({ viewPlaneNormal: normal, viewUp: up }, false);
        viewport.setZoom(zoom);
        viewport.setPan(pan);
      });
    }
  }

  private slab(viewport: Types.IVolumeViewport): void {
    const { mode, thicknessMm } = getState().look.slab;
    const key = mode === 'none' ? mode : `${mode} ${thicknessMm} ${viewport.getActors().length}`;
    if ((slabs.get(viewport) ?? 'none') === key) return;
    slabs.set(viewport, key);
    const half = mode === 'none' ? THIN_MM : thicknessMm / 2;
    viewport.setSlabThickness(half);
    for (const entry of viewport.getActors()) {
      const mapper = (entry.actor as vtkVolume).getMapper() as unknown as Mapper;
      if (!mapper.setSampleDistance) continue;
      const spacing = mapper.getInputData().getSpacing();
      const finest = Math.min(...spacing) / 2;
      // A mean needs several samples in the slab.
      mapper.setSampleDistance(mode === 'mean' ? Math.min(finest, half / 4) : finest);
      mapper.setBlendMode(BLEND[mode]);
      exactOpacity(entry.actor as vtkVolume);
    }
  }

  private color(): void {
    const { look, window, invert, info, presets } = getState();
    if (!window || !info) return;
    const { lower, upper } = toRange(window);
    const inverted = invert !== (info.value.photometric === 'MONOCHROME1');
    const plain = look.colormap === 'gray' && look.smooth && this.wasPlain;
    this.wasPlain = look.colormap === 'gray' && look.smooth;
    const table = findTable(presets?.colormaps ?? [], look.colormap);
    for (const [, viewport] of this.shown()) {
      const property = (viewport.getDefaultActor()!.actor as vtkVolume).getProperty();
      if (look.colormap !== 'gray') {
        const colors = vtkColorTransferFunction.newInstance();
        for (const [x, r, g, b] of colorPoints(table, lower, upper, inverted)) {
          colors.addRGBPoint(x, r, g, b);
        }
        property.setRGBTransferFunction(0, colors);
        colored.add(viewport);
      } else if (colored.delete(viewport)) {
        const gray = vtkColorTransferFunction.newInstance();
        for (const [x, r, g, b] of colorPoints(table, lower, upper, inverted)) {
          gray.addRGBPoint(x, r, g, b);
        }
        property.setRGBTransferFunction(0, gray);
      }
      if (look.smooth) property.setInterpolationTypeToLinear();
      else property.setInterpolationTypeToNearest();
      if (!plain || colored.has(viewport)) viewport.render();
    }
  }
}

/** The slab that a view wears now. */
const slabs = new WeakMap<object, string>();
/** Views that wear a colour map now. */
const colored = new WeakSet<object>();
