/** Turning, mirroring, colours and interpolation of stored slices. */
import { Enums, type Types } from '@cornerstonejs/core';
import vtkColorTransferFunction from '@kitware/vtk.js/Rendering/Core/ColorTransferFunction';
import { colorPoints, findTable } from '../../core/colormap';
import type { Look } from '../../core/look';
import { toRange } from '../../core/window';
import { getState, watch } from '../../state/store';
import type { Viewer } from '../viewer';
import type { ViewerPart } from './part';

const { InterpolationType, Events } = Enums;

interface SliceActor {
  getProperty(): {
    setRGBTransferFunction(index: number, colors: unknown): void;
    setInterpolationTypeToNearest(): void;
    setInterpolationTypeToLinear(): void;
  };
}

export class StackPicture implements ViewerPart {
  private readonly viewer: Viewer;
  private listening: HTMLElement | null = null;
  /** Turned, mirrored or coloured before: then it has to be put back. */
  private changed = false;

  constructor(viewer: Viewer) {
    this.viewer = viewer;
    const turned: (keyof Look)[] = ['turn'];
    for (const key of turned) {
      watch(
        (s) => s.look[key],
        () => this.viewport() && this.viewer.refit(),
      );
    }
    for (const key of ['colormap', 'smooth'] as const) {
      watch(
        (s) => s.look[key],
        () => this.color(),
      );
    }
  }

  mounted(): void {
    this.changed = false;
    const viewport = this.viewport();
    if (!viewport) return;
    if (this.listening !== viewport.element) {
      this.listening = viewport.element;
      // Another slice is another actor.
      viewport.element.addEventListener(Events.STACK_NEW_IMAGE, () => this.color());
    }
    const { turn } = getState().look;
    if (turn.quarters || turn.horizontal || turn.vertical) this.viewer.refit();
    this.color();
  }

  /** The views have been fitted and mirrored the usual way: turn them from there. */
  fitted(): void {
    const viewport = this.viewport();
    const { quarters, horizontal, vertical } = getState().look.turn;
    if (!viewport || !(quarters || horizontal || vertical)) return;
    const { flipHorizontal, flipVertical } = viewport.getCamera();
    if (horizontal) viewport.setCamera({ flipHorizontal: !flipHorizontal });
    if (vertical) viewport.setCamera({ flipVertical: !flipVertical });
    const mirrored = Boolean(flipHorizontal) !== Boolean(flipVertical);
    const sign = mirrored !== (horizontal !== vertical) ? -1 : 1;
    viewport.setViewPresentation({ rotation: (((sign * quarters * 90) % 360) + 360) % 360 });
    viewport.render();
  }

  windowed(): void {
    this.color();
  }

  private viewport(): Types.IStackViewport | undefined {
    const found = this.viewer.viewport('stack') as Types.IStackViewport | undefined;
    return found?.getDefaultActor() ? found : undefined;
  }

  private color(): void {
    const { look, window, invert, info, presets } = getState();
    const viewport = this.viewport();
    if (!viewport || !window || !info) return;
    const plain = look.colormap === 'gray' && look.smooth;
    if (plain && !this.changed) return;
    this.changed = !plain;
    const { lower, upper } = toRange(window);
    const inverted = invert !== (info.value.photometric === 'MONOCHROME1');
    const table = findTable(presets?.colormaps ?? [], look.colormap);
    const property = (viewport.getDefaultActor()!.actor as unknown as SliceActor).getProperty();
    if (info.value.photometric !== 'RGB') {
      const colors = vtkColorTransferFunction.newInstance();
      for (const [x, r, g, b] of colorPoints(table, lower, upper, inverted)) {
        colors.addRGBPoint(x, r, g, b);
      }
      property.setRGBTransferFunction(0, colors);
    }
    const { LINEAR, NEAREST } = InterpolationType;
    viewport.setProperties({ interpolationType: look.smooth ? LINEAR : NEAREST });
    viewport.render();
  }
}
