import { Button } from '@mantine/core';
import { type PointerEvent, useMemo, useRef } from 'react';
import { formatNumber } from '../../core/format';
import { barHeights } from '../../core/histogram';
import { transferFunctions } from '../../core/transfer';
import { clamp } from '../../core/vector';
import { setLook } from '../../state/look';
import { change } from '../../state/store';
import { shownHistogram } from '../../tools/measuring';
import { useMedvox } from '../useMedvox';

const [W, H, BINS] = [256, 110, 96];

/** The opacity of the 3D look as a line over the histogram: drag points, double click adds and removes. */
export function TransferEditor() {
  const info = useMedvox((s) => s.info)!;
  const own = useMedvox((s) => s.look.transfer);
  const shift = useMedvox((s) => s.shift);
  const preset = useMedvox((s) => s.presets?.volume.find((p) => p.name === s.preset));
  const complete = useMedvox((s) => s.loading.fraction >= 1);
  const plot = useRef<SVGSVGElement>(null);
  const held = useRef<number | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the values change with image and loading
  const bars = useMemo(() => {
    const found = shownHistogram(BINS);
    return found ? barHeights(found) : [];
  }, [info, complete]);
  if (!preset) return null;
  const { min, max } = info.value;
  const stated = own ?? transferFunctions(preset, info.value.relative, shift);
  const { color } = stated;
  const { opacity } = stated;
  const toX = (value: number) => ((value - min) / (max - min || 1)) * W;
  const toY = (a: number) => H - a * (H - 6);
  const at = (event: PointerEvent | React.MouseEvent): [number, number] => {
    const box = plot.current!.getBoundingClientRect();
    const x = clamp((event.clientX - box.left) / box.width, 0, 1);
    const y = clamp((event.clientY - box.top) / box.height, 0, 1);
    return [min + x * (max - min), clamp((H - y * H) / (H - 6), 0, 1)];
  };
  const set = (next: [number, number][]) =>
    change(setLook, { transfer: { color, opacity: next.sort((a, b) => a[0] - b[0]) } });
  const drag = (event: PointerEvent) => {
    const n = held.current;
    if (n === null) return;
    const [value, a] = at(event);
    const low = opacity[n - 1]?.[0] ?? Number.NEGATIVE_INFINITY;
    const high = opacity[n + 1]?.[0] ?? Number.POSITIVE_INFINITY;
    const moved: [number, number] = [clamp(value, low, high), a];
    set(opacity.map((point, m) => (m === n ? moved : point)));
  };
  const line = opacity.map(([value, a]) => `${toX(value)},${toY(a)}`).join(' ');
  const step = (max - min) / 100;
  return (
    <div>
      <div className="row">
        <span className="quiet">Opacity over histogram</span>
        <Button
          size="compact-xs"
          variant="subtle"
          disabled={!own}
          onClick={() => change(setLook, { transfer: null })}
        >
          Preset
        </Button>
      </div>
      <svg
        ref={plot}
        className="plot"
        viewBox={`0 0 ${W} ${H}`}
        data-transfer={opacity.length}
        onPointerMove={drag}
        onPointerUp={() => {
          held.current = null;
        }}
        onDoubleClick={(event) => set([...opacity, at(event)])}
      >
        <title>Opacity of values: double click adds a point</title>
        {bars.map((height, n) => (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: bins have no other name
            key={n}
            x={(n * W) / BINS}
            y={H - height * (H - 6)}
            width={W / BINS}
            height={height * (H - 6)}
            fill="#2a3a44"
          />
        ))}
        <polyline points={line} fill="none" stroke="#5eead4" strokeWidth="1.5" />
        {opacity.map(([value, a], n) => (
          // biome-ignore lint/a11y/useSemanticElements: there is no slider among SVG elements
          <circle
            // biome-ignore lint/suspicious/noArrayIndexKey: points have no other name
            key={n}
            cx={toX(value)}
            cy={toY(a)}
            r="4.5"
            fill="#0e1216"
            stroke="#5eead4"
            strokeWidth="1.5"
            role="slider"
            tabIndex={0}
            aria-label={`Opacity at ${formatNumber(value)}`}
            aria-valuenow={Math.round(a * 100)}
            onPointerDown={(event) => {
              event.stopPropagation();
              plot.current!.setPointerCapture(event.pointerId);
              held.current = n;
            }}
            onDoubleClick={(event) => {
              event.stopPropagation();
              if (opacity.length > 2) set(opacity.filter((_, m) => m !== n));
            }}
            onKeyDown={(event) => {
              const by: Record<string, [number, number]> = {
                ArrowLeft: [-step, 0],
                ArrowRight: [step, 0],
                ArrowUp: [0, 0.02],
                ArrowDown: [0, -0.02],
              };
              const delta = by[event.key];
              if (!delta) return;
              event.preventDefault();
              event.stopPropagation();
              const next: [number, number] = [value + delta[0], clamp(a + delta[1], 0, 1)];
              set(opacity.map((point, m) => (m === n ? next : point)));
            }}
          />
        ))}
        <text x="3" y="10">
          {formatNumber(min)}
        </text>
        <text x={W - 3} y="10" textAnchor="end">
          {formatNumber(max)}
        </text>
      </svg>
    </div>
  );
}
