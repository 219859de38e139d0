/** Draws segments over a view as soon as there are some; what draws them is loaded then. */
import type { Viewer } from '../../render/viewer';
import type { ViewName } from '../../state/model';
import { getState, report, watch } from '../../state/store';

export function followSegments(viewer: Viewer, view: ViewName, element: HTMLElement): () => void {
  let ended = false;
  let started = false;
  let close: () => void = () => {};
  const begin = async () => {
    if (started || getState().segments.objects.length === 0) return;
    started = true;
    try {
      const { SegmentsLayer } = await import('./layer');
      if (ended) return;
      const layer = new SegmentsLayer(viewer, view, element);
      close = () => layer.close();
    } catch (error) {
      report(error, 'segments');
    }
  };
  const stop = watch((s) => s.segments.objects, begin);
  void begin();
  return () => {
    ended = true;
    stop();
    close();
  };
}
