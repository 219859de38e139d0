import { Button, NumberInput, RangeSlider, Slider, Switch } from '@mantine/core';
import type { Clip, Light } from '../../core/look';
import { planeFrame } from '../../core/rotation';
import { api } from '../../data/api';
import type { VolumePreset } from '../../data/types';
import { setLook } from '../../state/look';
import { PLANES, type Plane } from '../../state/model';
import { change, patch } from '../../state/store';
import { useMedvox } from '../useMedvox';
import { TransferEditor } from './TransferEditor';

const THUMB = { t: 0, azimuth: 20, elevation: 10, zoom: 1, width: 96, height: 96 };

/** Looks with pictures, transfer function, light, cuts and slices of the 3D view. */
export function VolumeBody() {
  return (
    <>
      <Thumbnails />
      <TransferEditor />
      <LightControls />
      <Cuts />
    </>
  );
}

/** Pictures of the looks that suit the image; the server draws them small. */
function Thumbnails() {
  const info = useMedvox((s) => s.info)!;
  const presets = useMedvox((s) => s.presets?.volume) ?? [];
  const preset = useMedvox((s) => s.preset);
  const own = info.volume_presets
    .map((name) => presets.find((p) => p.name === name))
    .filter((p): p is VolumePreset => p !== undefined);
  return (
    <div className="thumbs">
      {own.map(({ name, label }) => (
        <button
          type="button"
          key={name}
          aria-pressed={preset === name}
          onClick={() => {
            patch({ preset: name, shift: 0 });
            change(setLook, { transfer: null, light: null });
          }}
        >
          <img loading="lazy" src={api.renderUrl(info.id, { ...THUMB, preset: name })} alt="" />
          {label}
        </button>
      ))}
    </div>
  );
}

const USUAL: Light = { shade: true, ambient: 0.2, diffuse: 0.9, specular: 0.25, power: 12 };

const LIGHTS = [
  ['ambient', 'Ambient'],
  ['diffuse', 'Diffuse'],
  ['specular', 'Specular'],
] as const;

function LightControls() {
  const stated = useMedvox((s) => s.look.light);
  const preset = useMedvox((s) => s.presets?.volume.find((p) => p.name === s.preset));
  const light = stated ?? { ...USUAL, shade: preset?.shade ?? true };
  const set = (part: Partial<Light>) => change(setLook, { light: { ...light, ...part } });
  return (
    <>
      <Switch
        size="xs"
        label="Light"
        checked={light.shade}
        onChange={(event) => set({ shade: event.currentTarget.checked })}
      />
      {light.shade &&
        LIGHTS.map(([name, label]) => (
          <div key={name}>
            <span className="quiet">{label}</span>
            <Slider
              size="xs"
              label={null}
              thumbLabel={`${label} light`}
              min={0}
              max={1}
              step={0.01}
              value={light[name]}
              onChange={(value) => set({ [name]: value })}
            />
          </div>
        ))}
    </>
  );
}

const SIDES = ['Right to left (columns)', 'Front to back (rows)', 'Slices'] as const;
const WHOLE: NonNullable<Clip['box']> = [
  [0, 1],
  [0, 1],
  [0, 1],
];

function Cuts() {
  const clip = useMedvox((s) => s.look.clip);
  const slices3d = useMedvox((s) => s.look.slices3d);
  const cursor = useMedvox((s) => s.cursor);
  const rotation = useMedvox((s) => s.look.rotation);
  const set = (part: Partial<Clip>) => change(setLook, { clip: { ...clip, ...part } });
  const box = clip.box ?? WHOLE;
  const cutAt = (plane: Plane) => {
    if (!cursor) return;
    const { normal } = planeFrame(plane, rotation);
    // What lies between the viewer of the plane and the plane goes.
    set({ plane: { normal: normal.map((c) => -c) as typeof normal, origin: cursor } });
  };
  return (
    <>
      <Switch
        size="xs"
        label="Slices inside"
        checked={slices3d}
        onChange={(event) => change(setLook, { slices3d: event.currentTarget.checked })}
      />
      {box.map((side, n) => (
        <div key={SIDES[n]}>
          <span className="quiet">{`Keep: ${SIDES[n]}`}</span>
          <RangeSlider
            size="xs"
            label={null}
            thumbFromLabel={`Box from, ${SIDES[n]}`}
            thumbToLabel={`Box to, ${SIDES[n]}`}
            min={0}
            max={1}
            step={0.005}
            minRange={0.01}
            value={side}
            onChange={(value) => {
              const next = box.map((old, at) => (at === n ? value : old)) as typeof WHOLE;
              set({ box: next.every(([a, b]) => a === 0 && b === 1) ? null : next });
            }}
          />
        </div>
      ))}
      <div className="row">
        <span className="quiet">Cut at crosshair</span>
        {PLANES.map((plane) => (
          <Button
            key={plane}
            size="compact-xs"
            variant="light"
            aria-label={`Cut at the ${plane} plane`}
            onClick={() => cutAt(plane)}
          >
            {plane.slice(0, 3)}
          </Button>
        ))}
      </div>
      {clip.plane && (
        <div className="row">
          <Button
            size="compact-xs"
            variant="light"
            onClick={() => {
              const { normal, origin } = clip.plane!;
              set({ plane: { normal: normal.map((c) => -c) as typeof normal, origin } });
            }}
          >
            Other side
          </Button>
          <NumberInput
            size="xs"
            w={92}
            aria-label="Move the cut, mm"
            hideControls
            suffix=" mm"
            value={0}
            onBlur={(event) => {
              const mm = Number.parseFloat(event.currentTarget.value);
              const { normal, origin } = clip.plane!;
              if (mm)
                set({
                  plane: {
                    normal,
                    origin: origin.map((c, a) => c + normal[a]! * mm) as typeof origin,
                  },
                });
            }}
          />
          <Button size="compact-xs" variant="subtle" onClick={() => set({ plane: null })}>
            No cut
          </Button>
        </div>
      )}
    </>
  );
}
