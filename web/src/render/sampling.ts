/**
 * How finely rays are sampled in the 3D view: software WebGL takes seconds a frame at full
 * sampling, so there it draws coarsely while something moves and once more finely at rest.
 */
import type { Types } from '@cornerstonejs/core';
import type vtkVolume from '@kitware/vtk.js/Rendering/Core/Volume';
import { getState } from '../state/store';

/** Multiples of half the mean voxel spacing. */
const COARSE = 8;
const FINE = 2;
const FULL = 1;
/** At rest for this long, ms. */
const REST_MS = 1200;

interface Mapper {
  getSampleDistance(): number;
  setSampleDistance(distance: number): void;
  getInputData(): { getSpacing(): number[] };
}

const mapperOf = (viewport: Types.IVolumeViewport): Mapper | undefined =>
  (viewport.getDefaultActor()?.actor as vtkVolume | undefined)?.getMapper() as Mapper | undefined;

function setMultiple(viewport: Types.IVolumeViewport, multiple: number): void {
  const mapper = mapperOf(viewport);
  if (!mapper) return;
  const [x = 1, y = 1, z = 1] = mapper.getInputData().getSpacing();
  mapper.setSampleDistance((multiple * (x + y + z)) / 6);
}

export class Sampling {
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** While a button is down the view is still being moved. */
  private pressed = false;

  constructor() {
    addEventListener('pointerdown', () => this.press(true), { capture: true });
    addEventListener('pointerup', () => this.press(false), { capture: true });
    addEventListener('pointercancel', () => this.press(false), { capture: true });
  }

  private press(down: boolean): void {
    this.pressed = down;
  }

  /** Draws now, coarsely where drawing is slow. */
  draw(viewport: Types.IVolumeViewport): void {
    this.moved(viewport);
    viewport.render();
  }

  /** Something moves: coarse until it rests. */
  moved(viewport: Types.IVolumeViewport): void {
    const software = getState().capabilities?.software ?? false;
    setMultiple(viewport, software ? COARSE : FULL);
    if (!software) return;
    this.stop();
    this.timer = setTimeout(() => this.rest(viewport), REST_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private rest(viewport: Types.IVolumeViewport): void {
    this.timer = undefined;
    if (this.pressed) {
      this.timer = setTimeout(() => this.rest(viewport), REST_MS);
      return;
    }
    setMultiple(viewport, FINE);
    viewport.render();
  }
}
