import { NumberInput } from '@mantine/core';
import { useMemo, useState } from 'react';
import { formatNumber, shownUnit } from '../../core/format';
import { setTime } from '../../state/reducers';
import { change } from '../../state/store';
import { timeCurve } from '../../tools/measuring';
import { useMedvox } from '../useMedvox';

const [W, H, PAD] = [256, 120, 14];

/** How the pinned probe, or a sphere around it, changes over time. */
export function TimeCurve() {
  const pinned = useMedvox((s) => s.pinned);
  const info = useMedvox((s) => s.info)!;
  const time = useMedvox((s) => s.time);
  const layout = useMedvox((s) => s.layout);
  const loaded = useMedvox((s) => s.loading.timeFraction);
  const [radius, setRadius] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is pinned and loaded decides
  const curve = useMemo(() => timeCurve(radius), [pinned, layout, loaded, radius, info]);
  if (!curve || curve.points.length === 0) {
    return (
      <p className="quiet">Click a place with the probe tool: its course over time shows here.</p>
    );
  }
  const { points, voxels } = curve;
  const [low, high] = [
    Math.min(...points.map((p) => p.mean)),
    Math.max(...points.map((p) => p.mean)),
  ];
  const placeOf = (p: (typeof points)[number]) => p.seconds ?? p.time;
  const [from, to] = [placeOf(points[0]!), placeOf(points.at(-1)!)];
  const x = (p: (typeof points)[number]) =>
    PAD + ((placeOf(p) - from) / (to - from || 1)) * (W - 2 * PAD);
  const y = (value: number) => H - PAD - ((value - low) / (high - low || 1)) * (H - 2 * PAD);
  const now = points.find((p) => p.time === time);
  const timed = points[0]!.seconds !== null;
  return (
    <div>
      <NumberInput
        size="xs"
        label="Radius, mm"
        min={0}
        max={100}
        hideControls
        value={radius}
        onChange={(n) => typeof n === 'number' && setRadius(n)}
      />
      <svg
        className="plot"
        viewBox={`0 0 ${W} ${H}`}
        data-time-curve={JSON.stringify(points.map((p) => p.mean))}
        data-voxels={voxels}
      >
        <title>{`Mean over ${voxels} voxels at ${points.length} time points`}</title>
        <polyline
          points={points.map((p) => `${x(p)},${y(p.mean)}`).join(' ')}
          fill="none"
          stroke="#5eead4"
          strokeWidth="1.5"
        />
        {points.map((p) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: the time slider does the same by keys
          <circle
            key={p.time}
            cx={x(p)}
            cy={y(p.mean)}
            r={p === now ? 4 : 2.5}
            fill={p === now ? '#fde68a' : '#5eead4'}
            onClick={() => change(setTime, p.time)}
          />
        ))}
        <text x="2" y="10">{`${formatNumber(high)} ${shownUnit(info.value.unit)}`}</text>
        <text x="2" y={H - 3}>
          {formatNumber(low)}
        </text>
        <text x={W - 2} y={H - 3} textAnchor="end">
          {timed ? `${formatNumber(to)} s` : `${points.at(-1)!.time + 1}`}
        </text>
      </svg>
    </div>
  );
}
