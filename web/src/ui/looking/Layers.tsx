import { ActionIcon, NativeSelect, NumberInput, Slider } from '@mantine/core';
import { IconEye, IconEyeOff, IconTrash } from '@tabler/icons-react';
import { cssGradient, findTable } from '../../core/colormap';
import type { OverlayLayer } from '../../core/look';
import { displayScale } from '../../core/uptake';
import { layable } from '../../state/hanging';
import {
  addOverlay,
  layerRange,
  layerThreshold,
  newLayer,
  removeOverlay,
  updateOverlay,
} from '../../state/look';
import { change } from '../../state/store';
import { useMedvox } from '../useMedvox';

/** Images over the image: which, how strong, in which colours, from which value on. */
export function Layers() {
  const overlays = useMedvox((s) => s.look.overlays);
  const studies = useMedvox((s) => s.studies);
  const imageId = useMedvox((s) => s.imageId);
  const choices = layable(studies, imageId).filter(
    ({ image }) => !overlays.some((layer) => layer.imageId === image.id),
  );
  return (
    <>
      {overlays.map((layer) => (
        <Layer key={layer.id} layer={layer} />
      ))}
      <NativeSelect
        size="xs"
        aria-label="Lay over the image"
        value=""
        disabled={choices.length === 0}
        data={[
          {
            value: '',
            label: choices.length > 0 ? 'Lay over …' : 'Nothing lies in the same space',
          },
          ...choices.map(({ image }) => ({
            value: image.id,
            label: `${image.modality ?? ''} ${image.label}`.trim(),
          })),
        ]}
        onChange={(event) => {
          const id = event.currentTarget.value;
          const chosen = choices.find(({ image }) => image.id === id);
          const labels = /(label|mask|seg)/i.test(chosen?.image.label ?? '');
          if (id) change(addOverlay, newLayer(id, labels ? 'labels' : 'image'));
        }}
      />
    </>
  );
}

function Layer({ layer }: { layer: OverlayLayer }) {
  const info = useMedvox((s) => s.others[layer.imageId]);
  const update = (part: Partial<OverlayLayer>) => change(updateOverlay, layer.id, part);
  const label = info?.label ?? 'Loading …';
  return (
    <div className="layer" data-layer={layer.id}>
      <div className="row">
        <ActionIcon
          size="sm"
          variant="subtle"
          color="gray"
          aria-label={layer.visible ? `Hide ${label}` : `Show ${label}`}
          onClick={() => update({ visible: !layer.visible })}
        >
          {layer.visible ? <IconEye size={15} /> : <IconEyeOff size={15} />}
        </ActionIcon>
        <span className="layer-name" title={label}>
          {label}
        </span>
        <ActionIcon
          size="sm"
          variant="subtle"
          color="gray"
          aria-label={`Remove layer ${label}`}
          onClick={() => change(removeOverlay, layer.id)}
        >
          <IconTrash size={14} />
        </ActionIcon>
      </div>
      <Slider
        size="sm"
        label={(x) => `${Math.round(x * 100)} %`}
        thumbLabel={`Opacity of ${label}`}
        min={0}
        max={1}
        step={0.01}
        value={layer.opacity}
        onChange={(opacity) => update({ opacity })}
      />
      <NativeSelect
        size="xs"
        aria-label={`Kind of ${label}`}
        value={layer.kind}
        data={[
          { value: 'image', label: 'Values in colors' },
          { value: 'labels', label: 'Label map' },
        ]}
        onChange={(event) => update({ kind: event.currentTarget.value as OverlayLayer['kind'] })}
      />
      {info && layer.kind === 'image' && <LayerColors layer={layer} />}
    </div>
  );
}

/** Colour map, range and threshold of a layer, in the unit of its values. */
function LayerColors({ layer }: { layer: OverlayLayer }) {
  const info = useMedvox((s) => s.others[layer.imageId])!;
  const tables = useMedvox((s) => s.presets?.colormaps) ?? [];
  const update = (part: Partial<OverlayLayer>) => change(updateOverlay, layer.id, part);
  const [lower, upper] = layerRange(layer, info);
  // PET is stated as SUV where the header tells what that takes.
  const { factor, unit } = displayScale(info.value);
  const number = (x: number) => Number((x * factor).toPrecision(5));
  return (
    <>
      <NativeSelect
        size="xs"
        aria-label={`Colors of ${info.label}`}
        value={layer.colormap}
        data={tables.map(({ name }) => name)}
        onChange={(event) => update({ colormap: event.currentTarget.value })}
      />
      <div
        className="gradient"
        style={{ background: cssGradient(findTable(tables, layer.colormap)) }}
      />
      <div className="pair">
        <NumberInput
          size="xs"
          label={`From${unit && `, ${unit}`}`}
          hideControls
          value={number(lower)}
          onChange={(n) =>
            typeof n === 'number' && n / factor < upper && update({ range: [n / factor, upper] })
          }
        />
        <NumberInput
          size="xs"
          label={`To${unit && `, ${unit}`}`}
          hideControls
          value={number(upper)}
          onChange={(n) =>
            typeof n === 'number' && n / factor > lower && update({ range: [lower, n / factor] })
          }
        />
      </div>
      <NumberInput
        size="xs"
        label={`Clear below${unit && `, ${unit}`}`}
        hideControls
        value={number(layerThreshold(layer, info))}
        onChange={(n) => typeof n === 'number' && update({ threshold: n / factor })}
      />
    </>
  );
}
