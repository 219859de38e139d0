import { useMemo } from 'react';
import { formatNumber } from '../../core/format';
import { TEXTS } from '../../core/texts';
import type { Note } from '../../data/types';
import { unitText } from '../../notes/words';
import { plotOf } from '../../tools/notes/values';
import { workspace } from '../../tools/workspace';
import { useMedvox } from '../useMedvox';

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [258, 120, 38, 18, 8];

/** A line profile or a histogram of one note; the numbers are in its data attributes too. */
export default function Plot({ note }: { note: Note }) {
  const loaded = useMedvox((s) => s.loading.fraction);
  // biome-ignore lint/correctness/useExhaustiveDependencies: slices that arrive change the values
  const plot = useMemo(() => plotOf(workspace(), note), [note, loaded]);
  if (!plot) return <p className="quiet">{TEXTS.noPlot}</p>;
  const profile = plot.kind === 'profile';
  const xs = profile ? plot.at : plot.edges;
  const ys = profile ? plot.values : plot.counts;
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [profile ? Math.min(...ys) : 0, Math.max(...ys)];
  const x = (v: number) => LEFT + ((v - left) / (right - left || 1)) * (WIDTH - LEFT - 6);
  const y = (v: number) =>
    HEIGHT - BOTTOM - ((v - low) / (high - low || 1)) * (HEIGHT - BOTTOM - TOP);
  const title = profile ? TEXTS.profile : TEXTS.histogram;
  const xUnit = unitText(profile ? plot.lengthUnit : plot.unit);
  return (
    <figure className="note-plot">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={title}
        data-plot={plot.kind}
        data-x={JSON.stringify(xs)}
        data-y={JSON.stringify(ys)}
      >
        <title>{title}</title>
        <path className="axes" d={`M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - 4}`} />
        {profile ? (
          <polyline points={xs.map((at, n) => `${x(at)},${y(ys[n]!)}`).join(' ')} />
        ) : (
          ys.map((count, n) => (
            <rect
              key={xs[n]}
              x={x(xs[n]!)}
              y={y(count)}
              width={Math.max(x(xs[n + 1]!) - x(xs[n]!) - 0.5, 0.5)}
              height={HEIGHT - BOTTOM - y(count)}
            />
          ))
        )}
        <text x={LEFT - 4} y={TOP + 8} textAnchor="end">
          {formatNumber(high, 3)}
        </text>
        <text x={LEFT - 4} y={HEIGHT - BOTTOM} textAnchor="end">
          {formatNumber(low, 3)}
        </text>
        <text x={LEFT} y={HEIGHT - 5}>
          {formatNumber(left, 3)}
        </text>
        <text x={WIDTH - 4} y={HEIGHT - 5} textAnchor="end">
          {`${formatNumber(right, 3)} ${xUnit}`}
        </text>
      </svg>
    </figure>
  );
}
