import { lazy, Suspense, useEffect, useLayoutEffect, useRef } from 'react';
import type { Layout } from '../core/hash';
import type { ViewName } from '../state/model';
import { patch } from '../state/store';
import { followPointer } from '../tools/toolbox';
import { workspace } from '../tools/workspace';
import { Overlay } from './Overlay';
import { ServerRender } from './ServerRender';
import { useMedvox } from './useMedvox';
import './looking/looking.css';

const CompareGrid = lazy(() => import('./looking/CompareGrid'));
const ViewLayer = lazy(() => import('./looking/ViewLayer'));

const VIEWS: Record<Layout, ViewName[]> = {
  stack: ['stack'],
  mpr: ['axial', 'sagittal', 'coronal', 'volume'],
  volume: ['volume'],
  three: ['volume', 'axial', 'sagittal', 'coronal'],
  grid: [],
};

const LABELS: Record<ViewName, string> = {
  stack: 'Stored slices',
  axial: 'Axial plane',
  coronal: 'Coronal plane',
  sagittal: 'Sagittal plane',
  volume: '3D view',
};

/** The views of the layout, bound to the viewer. */
export default function ViewGrid() {
  const viewer = workspace();
  const info = useMedvox((s) => s.info);
  const layout = useMedvox((s) => s.layout);
  const webgl2 = useMedvox((s) => s.capabilities?.webgl2 ?? true);
  const tool = useMedvox((s) => s.tool);
  const activeView = useMedvox((s) => s.activeView);
  const stage = useRef<HTMLDivElement>(null);
  const byServer = !webgl2 && layout !== 'stack';

  // biome-ignore lint/correctness/useExhaustiveDependencies: the image and layout decide, not the parts read
  useLayoutEffect(() => {
    if (!info || byServer || layout === 'grid') return;
    const elements = new Map<ViewName, HTMLDivElement>();
    for (const element of stage.current!.querySelectorAll<HTMLDivElement>('[data-view]')) {
      elements.set(element.dataset.view as ViewName, element);
    }
    void viewer.mount(elements);
    const stops = [...elements].map(([view, element]) => followPointer(viewer, view, element));
    return () => {
      for (const stop of stops) stop();
      viewer.unmount();
    };
  }, [viewer, info, layout, byServer]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another layout has another stage
  useEffect(() => {
    const observer = new ResizeObserver(() => viewer.resize());
    if (stage.current) observer.observe(stage.current);
    return () => observer.disconnect();
  }, [viewer, layout]);

  if (layout === 'grid') {
    return (
      <Suspense fallback={<div className="stage" ref={stage} />}>
        <CompareGrid />
      </Suspense>
    );
  }
  return (
    <div className="stage" data-layout={layout} ref={stage}>
      {byServer ? (
        <ServerRender />
      ) : (
        VIEWS[layout].map((view) => (
          <div
            className="pane"
            key={`${info?.id} ${layout} ${view}`}
            data-active={VIEWS[layout].length > 1 && activeView === view}
          >
            <div
              role="application"
              aria-label={LABELS[view]}
              className="pane-focus"
              // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys scroll the focused view
              tabIndex={0}
              onFocus={() => patch({ activeView: view })}
              onContextMenu={(event) => event.preventDefault()}
            >
              <div
                className="pane-view"
                data-view={view}
                data-tool={view === 'volume' ? 'rotate' : tool}
              />
              <Overlay view={view} />
              <Suspense>
                <ViewLayer view={view} />
              </Suspense>
            </div>
          </div>
        ))
      )}
    </div>
  );
}
