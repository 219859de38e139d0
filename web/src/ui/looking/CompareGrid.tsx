import { type PointerEvent, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { formatNumber } from '../../core/format';
import { PANE_PLANES, type PanePlane } from '../../core/look';
import type { PaneInfo, Panes } from '../../render/looking/panes';
import { allImages } from '../../state/hanging';
import { setPane } from '../../state/look';
import { change, patch } from '../../state/store';
import { paneDrag, panePointer, paneWheel } from '../../tools/paneTools';
import { looking } from '../../tools/workspace';
import { useMedvox } from '../useMedvox';

/** Views beside each other: series, planes or time points, going together. */
export default function CompareGrid() {
  const table = useMedvox((s) => s.look.table);
  const info = useMedvox((s) => s.info);
  const stage = useRef<HTMLDivElement>(null);
  const panes = useRef<Panes | null>(null);
  const [infos, setInfos] = useState<(PaneInfo | null)[]>([]);
  const { rows, columns } = table;
  // Another image or plane in a pane needs another view; what only moves it does not.
  const views = JSON.stringify(table.panes.map(({ imageId, plane }) => [imageId, plane]));

  // biome-ignore lint/correctness/useExhaustiveDependencies: what is shown decides, not the parts read
  useLayoutEffect(() => {
    if (!info) return;
    let gone = false;
    void looking().then((parts) => {
      if (gone || !stage.current) return;
      panes.current = parts.panes;
      parts.panes.onInfo = setInfos;
      const elements = stage.current.querySelectorAll<HTMLDivElement>('[data-pane]');
      void parts.panes.mount([...elements]);
    });
    const observer = new ResizeObserver(() => panes.current?.resize());
    observer.observe(stage.current!);
    return () => {
      gone = true;
      observer.disconnect();
      panes.current?.unmount();
    };
  }, [info, views]);

  return (
    <div
      className="compare"
      ref={stage}
      data-layout="grid"
      style={{
        gridTemplate: `repeat(${rows}, minmax(0, 1fr)) / repeat(${columns}, minmax(0, 1fr))`,
      }}
    >
      {table.panes.map((_, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a pane is its place in the table
        <PaneView key={`${n} ${views}`} n={n} info={infos[n] ?? null} panes={panes} />
      ))}
    </div>
  );
}

interface PaneProps {
  n: number;
  info: PaneInfo | null;
  panes: { current: Panes | null };
}

function PaneView({ n, info, panes }: PaneProps) {
  const active = useMedvox((s) => s.activePane === n);
  const tool = useMedvox((s) => s.tool);
  const element = useRef<HTMLDivElement>(null);
  const held = useRef(0);

  useEffect(() => {
    const pane = element.current!;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      if (panes.current) paneWheel(panes.current, n, Math.sign(event.deltaY));
    };
    pane.addEventListener('wheel', onWheel, { passive: false });
    return () => pane.removeEventListener('wheel', onWheel);
  }, [n, panes]);

  const at = (event: PointerEvent): [number, number] => {
    const box = element.current!.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  return (
    <div className="pane" data-active={active}>
      <div
        role="application"
        aria-label={`View ${n + 1}${info ? `, ${info.label}` : ''}`}
        className="pane-focus"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys scroll the focused view
        tabIndex={0}
        onFocus={() => patch({ activePane: n })}
        onContextMenu={(event) => event.preventDefault()}
        onKeyDown={(event) => {
          const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10 }[event.key];
          if (steps === undefined || !panes.current) return;
          event.preventDefault();
          event.stopPropagation();
          paneWheel(panes.current, n, steps);
        }}
        onPointerDown={(event) => {
          patch({ activePane: n });
          event.currentTarget.setPointerCapture(event.pointerId);
          held.current = event.buttons;
          if (panes.current) panePointer(panes.current, n, at(event), event.buttons === 1);
        }}
        onPointerUp={() => {
          held.current = 0;
        }}
        onPointerMove={(event) => {
          if (!panes.current) return;
          if (held.current) paneDrag(n, held.current, event.movementX, event.movementY);
          panePointer(panes.current, n, at(event), held.current === 1 && tool === 'crosshair');
        }}
        onPointerLeave={() => patch({ probe: null, layerValues: {} })}
      >
        <div className="pane-view" data-pane={n} data-tool={tool} ref={element} />
        {info && <PaneText n={n} info={info} />}
        <PaneChoice n={n} />
      </div>
    </div>
  );
}

function PaneText({ n, info }: { n: number; info: PaneInfo }) {
  const shown = useMedvox((s) => s.showOverlay);
  const { letters, cross } = info;
  return (
    <div className="overlay" data-pane-overlay={n}>
      {cross && (
        <svg className="cross" aria-hidden="true">
          <line x1={cross[0]} y1="0" x2={cross[0]} y2={cross[1] - 12} stroke="var(--accent)" />
          <line x1={cross[0]} y1={cross[1] + 12} x2={cross[0]} y2="100%" stroke="var(--accent)" />
          <line x1="0" y1={cross[1]} x2={cross[0] - 12} y2={cross[1]} stroke="var(--accent)" />
          <line x1={cross[0] + 12} y1={cross[1]} x2="100%" y2={cross[1]} stroke="var(--accent)" />
        </svg>
      )}
      {shown && letters && (
        <>
          <span className="letter top">{letters.top}</span>
          <span className="letter bottom">{letters.bottom}</span>
          <span className="letter left">{letters.left}</span>
          <span className="letter right">{letters.right}</span>
        </>
      )}
      {shown && (
        <>
          <div className="corner tl">
            <p className="view-name">{info.label}</p>
          </div>
          <div className="corner bl">
            {info.slice !== null && <p>{`Slice ${info.slice + 1} / ${info.sliceCount}`}</p>}
            <p>{`W ${formatNumber(info.window.width)}  C ${formatNumber(info.window.center)}`}</p>
          </div>
        </>
      )}
    </div>
  );
}

const PLANE_NAMES: Record<PanePlane, string> = {
  axial: 'Axial',
  coronal: 'Coronal',
  sagittal: 'Sagittal',
  stored: 'Stored slices',
};

/** Which image and plane a pane shows, and whether layers lie over it. */
function PaneChoice({ n }: { n: number }) {
  const pane = useMedvox((s) => s.look.table.panes[n]);
  const studies = useMedvox((s) => s.studies);
  const opened = useMedvox((s) => s.imageId);
  const layers = useMedvox((s) => s.look.overlays.length);
  if (!pane) return null;
  const choices = allImages(studies);
  return (
    <div className="pane-choice">
      <select
        aria-label={`Image of view ${n + 1}`}
        value={pane.imageId ?? opened ?? ''}
        onChange={(event) => {
          const id = event.currentTarget.value;
          change(setPane, n, { imageId: id === opened ? null : id, offsetMm: 0 });
        }}
      >
        {choices.map(({ image, study }) => (
          <option key={image.id} value={image.id}>
            {`${image.label}${study.date ? ` · ${study.date}` : ''}`}
          </option>
        ))}
      </select>
      <select
        aria-label={`Plane of view ${n + 1}`}
        value={pane.plane}
        onChange={(event) =>
          change(setPane, n, { plane: event.currentTarget.value as PanePlane, offsetMm: 0 })
        }
      >
        {PANE_PLANES.map((plane) => (
          <option key={plane} value={plane}>
            {PLANE_NAMES[plane]}
          </option>
        ))}
      </select>
      {layers > 0 && (
        <button
          type="button"
          aria-pressed={pane.fused}
          onClick={() => change(setPane, n, { fused: !pane.fused })}
        >
          Layers
        </button>
      )}
    </div>
  );
}
