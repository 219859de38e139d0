/** Segments drawn over one view as SVG: filled outlines, holes left out. */
import { Enums } from '@cornerstonejs/core';
import type { PlaneOutlines, SegmentObject } from '../../data/types';
import type { Viewer } from '../../render/viewer';
import type { ViewName } from '../../state/model';
import { segmentKey } from '../../state/segments';
import { getState, watch } from '../../state/store';
import { type Target, targetOf } from '../notes/target';
import { forgetOutlines, outlinesIn, planeOf } from './outlines';

const SVG = 'http://www.w3.org/2000/svg';
type Ring = PlaneOutlines['segments'][number]['regions'][number]['outer'];

export class SegmentsLayer {
  private readonly viewer: Viewer;
  private readonly view: ViewName;
  private readonly svg = document.createElementNS(SVG, 'svg');
  private frame = 0;
  private readonly stops: (() => void)[];

  constructor(viewer: Viewer, view: ViewName, element: HTMLElement) {
    this.viewer = viewer;
    this.view = view;
    this.svg.setAttribute('class', 'svg-layer segments-layer');
    this.svg.setAttribute('aria-hidden', 'true');
    const notes = element.querySelector('.notes-layer');
    if (notes) notes.before(this.svg);
    else element.append(this.svg);
    const { IMAGE_RENDERED, CAMERA_MODIFIED } = Enums.Events;
    for (const name of [IMAGE_RENDERED, CAMERA_MODIFIED]) {
      element.addEventListener(name, this.schedule);
    }
    this.stops = [
      watch((s) => s.segments, this.schedule),
      watch((s) => s.segments.objects, forgetOutlines),
      watch((s) => s.slice, this.schedule),
      () => {
        for (const name of [IMAGE_RENDERED, CAMERA_MODIFIED]) {
          element.removeEventListener(name, this.schedule);
        }
      },
    ];
    this.schedule();
  }

  close(): void {
    for (const stop of this.stops) stop();
    cancelAnimationFrame(this.frame);
    this.frame = -1;
    this.svg.remove();
  }

  private readonly schedule = (): void => {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  };

  private draw(): void {
    const target = targetOf(this.viewer, this.view);
    const { imageId, objects } = getState().segments;
    const shown = target?.space === 'patient' && target.info.id === imageId;
    const paths = shown ? objects.flatMap((object) => this.paths(object, target)) : [];
    this.svg.replaceChildren(...paths);
  }

  private paths(object: SegmentObject, target: Target): SVGElement[] {
    const { hidden, opacity } = getState().segments;
    const listed = object.segments.filter(({ id }) => !hidden.includes(segmentKey(object.id, id)));
    if (listed.length === 0) return [];
    const found = outlinesIn(target.info.id, object.id, planeOf(target), this.schedule);
    return listed.flatMap((segment) => {
      const outlines = found?.segments.find(({ id }) => id === segment.id);
      if (!outlines) return [];
      const rings = outlines.regions.flatMap(({ outer, holes }) => [outer, ...holes]);
      const path = document.createElementNS(SVG, 'path');
      path.setAttribute('d', rings.map((ring) => lineOf(ring, target)).join(''));
      path.setAttribute('fill', segment.color);
      path.setAttribute('fill-rule', 'evenodd');
      path.setAttribute('fill-opacity', String(opacity));
      path.setAttribute('stroke', segment.color);
      path.setAttribute('stroke-width', '1.4');
      path.dataset.segment = segmentKey(object.id, segment.id);
      return [path];
    });
  }
}

const lineOf = (ring: Ring, target: Target): string => {
  const points = ring.map((point) => target.toCanvas(point).map((n) => n.toFixed(2)));
  return `M${points.map(([x, y]) => `${x},${y}`).join('L')}Z`;
};
