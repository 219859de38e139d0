import './segments.css';
import { Slider } from '@mantine/core';
import { IconEye, IconEyeOff } from '@tabler/icons-react';
import { formatNumber } from '../../core/format';
import { TEXTS } from '../../core/texts';
import type { SegmentObject } from '../../data/types';
import { jumpToSegment, segmentKey, setOpacity, showSegments } from '../../state/segments';
import { useMedvox } from '../useMedvox';

/** Segments that lie on the shown image: names, volumes, what is drawn, ways to them. */
export default function SegmentsPanel() {
  const { objects, opacity } = useMedvox((s) => s.segments);
  return (
    <section data-panel="segments">
      <h3>{TEXTS.segments}</h3>
      <Slider
        size="sm"
        label={null}
        thumbLabel={TEXTS.fillOpacity}
        min={0}
        max={1}
        step={0.05}
        value={opacity}
        onChange={setOpacity}
      />
      {objects.map((object) => (
        <ObjectItems key={object.id} object={object} />
      ))}
    </section>
  );
}

function ObjectItems({ object }: { object: SegmentObject }) {
  const hidden = useMedvox((s) => s.segments.hidden);
  const keys = object.segments.map(({ id }) => segmentKey(object.id, id));
  const shown = keys.some((key) => !hidden.includes(key));
  return (
    <div data-object={object.kind}>
      <div className="segment-object">
        <span title={object.name}>{`${object.kind} · ${object.name}`}</span>
        {keys.length > 1 && <Eye name={object.name} keys={keys} shown={shown} />}
      </div>
      {object.problem && <p role="alert">{object.problem}</p>}
      <ul className="segment-list">
        {object.segments.map((segment) => {
          const key = segmentKey(object.id, segment.id);
          return (
            <li key={key} data-listed={key}>
              <span className="segment-color" style={{ background: segment.color }} />
              <button
                type="button"
                className="segment-name"
                aria-label={`${TEXTS.jump} ${segment.name}`}
                disabled={!segment.center_mm}
                onClick={() => jumpToSegment(segment)}
              >
                {segment.name}
              </button>
              <span className="quiet">
                {segment.volume_ml === null ? '–' : `${formatNumber(segment.volume_ml)} ml`}
              </span>
              <Eye name={segment.name} keys={[key]} shown={!hidden.includes(key)} />
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function Eye({ name, keys, shown }: { name: string; keys: string[]; shown: boolean }) {
  const label = `${shown ? TEXTS.hide : TEXTS.show} – ${name}`;
  return (
    <button
      type="button"
      className="tool small"
      aria-label={label}
      title={label}
      aria-pressed={!shown}
      onClick={() => showSegments(keys, !shown)}
    >
      {shown ? <IconEye size={14} /> : <IconEyeOff size={14} />}
    </button>
  );
}
