import { Button, NativeSelect, NumberInput, Switch } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { SLAB_MODES, type SlabMode } from '../../core/look';
import { removeRule, saveRule } from '../../state/hanging';
import { setLinked, setLook, straighten } from '../../state/look';
import { hasPlanes, showsPlanes } from '../../state/reducers';
import { change } from '../../state/store';
import { useMedvox } from '../useMedvox';
import { Layers } from './Layers';
import { PictureBody } from './PictureBody';
import { TimeCurve } from './TimeCurve';
import { VolumeBody } from './VolumeBody';

/** Layers, planes, colours, tables and rules: the part of the panel about looking. */
export default function LookingSections() {
  const info = useMedvox((s) => s.info);
  const layout = useMedvox((s) => s.layout);
  if (!info) return null;
  return (
    <div className="looking">
      {info.kind === 'volume' && hasPlanes(info) && (
        <Section name="Layers" open>
          <Layers />
        </Section>
      )}
      {showsPlanes(layout) && (
        <Section name="Planes">
          <PlanesBody />
        </Section>
      )}
      {layout !== 'stack' && layout !== 'grid' && (
        <Section name="3D look">
          <VolumeBody />
        </Section>
      )}
      {info.time_points > 1 && info.value.photometric !== 'RGB' && (
        <Section name="Over time">
          <TimeCurve />
        </Section>
      )}
      {layout === 'grid' && (
        <Section name="Compare" open>
          <CompareBody />
        </Section>
      )}
      <Section name="Picture">
        <PictureBody />
      </Section>
      <Section name="When opened">
        <RulesBody />
      </Section>
    </div>
  );
}

interface SectionProps {
  name: string;
  open?: boolean;
  children: ReactNode;
}

/** A part of the panel that folds; what is folded away is not drawn. */
export function Section({ name, open = false, children }: SectionProps) {
  const [shown, setShown] = useState(open);
  return (
    <details open={shown} onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>{name}</summary>
      {shown && <div className="body">{children}</div>}
    </details>
  );
}

const SLAB_NAMES: Record<SlabMode, string> = {
  none: 'Thin plane',
  max: 'Maximum (MIP)',
  min: 'Minimum (MinIP)',
  mean: 'Mean',
};

function PlanesBody() {
  const slab = useMedvox((s) => s.look.slab);
  const rotation = useMedvox((s) => s.look.rotation);
  const drawing = useMedvox((s) => s.look.curve);
  return (
    <>
      <div className="pair">
        <NativeSelect
          size="xs"
          label="Slab"
          value={slab.mode}
          data={SLAB_MODES.map((value) => ({ value, label: SLAB_NAMES[value] }))}
          onChange={(event) =>
            change(setLook, { slab: { ...slab, mode: event.currentTarget.value as SlabMode } })
          }
        />
        <NumberInput
          size="xs"
          label="Thickness, mm"
          min={0.2}
          max={500}
          hideControls
          disabled={slab.mode === 'none'}
          value={slab.thicknessMm}
          onChange={(n) =>
            typeof n === 'number' && n > 0 && change(setLook, { slab: { ...slab, thicknessMm: n } })
          }
        />
      </div>
      <p className="quiet">
        With the crosshair tool, drag a round handle (or press the arrow keys on it) to turn planes.
      </p>
      <Button
        size="compact-xs"
        variant="light"
        disabled={!rotation}
        onClick={() => change(straighten)}
      >
        Straighten planes (X)
      </Button>
      <Button
        size="compact-xs"
        variant="light"
        onClick={() =>
          change(setLook, { curve: drawing ? null : { points: [], normal: [0, 0, 1] } })
        }
      >
        {drawing ? 'Close curved reformat' : 'Draw a curved reformat'}
      </Button>
    </>
  );
}

const LINKS = [
  ['position', 'Scroll together'],
  ['zoom', 'Zoom and shift together'],
  ['window', 'Same window for a modality'],
] as const;

function CompareBody() {
  const linked = useMedvox((s) => s.look.table.linked);
  return LINKS.map(([name, label]) => (
    <Switch
      key={name}
      size="xs"
      label={label}
      checked={linked[name]}
      onChange={(event) => change(setLinked, { [name]: event.currentTarget.checked })}
    />
  ));
}

function RulesBody() {
  const own = useMedvox((s) => s.hanging)?.filter((rule) => rule.own) ?? [];
  const info = useMedvox((s) => s.info);
  const node = useMedvox((s) => s.node);
  if (node !== null) return <p className="quiet">Rules are kept by the one who runs the node.</p>;
  const modality = info?.modality ?? 'such';
  return (
    <>
      <p className="quiet">Opens images like this one as the screen looks now.</p>
      <Button size="compact-xs" variant="light" onClick={() => void saveRule(false)}>
        {`Keep for all ${modality} images`}
      </Button>
      <Button size="compact-xs" variant="light" onClick={() => void saveRule(true)}>
        {`Keep for ${modality} of this body part`}
      </Button>
      {own.map((rule) => (
        <div className="row" key={rule.name} data-rule={rule.name}>
          <span>{rule.name}</span>
          <Button
            size="compact-xs"
            variant="subtle"
            color="gray"
            onClick={() => void removeRule(rule.name)}
          >
            Forget
          </Button>
        </div>
      ))}
    </>
  );
}
