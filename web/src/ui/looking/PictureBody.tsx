import { Button, NativeSelect, Switch } from '@mantine/core';
import { cssGradient, findTable } from '../../core/colormap';
import type { Turn } from '../../core/look';
import { setLook } from '../../state/look';
import { change, getState } from '../../state/store';
import { scaleView } from '../../tools/scale';
import { useMedvox } from '../useMedvox';

/** Colours, interpolation, turning, mirroring, true sizes, magnifier. */
export function PictureBody() {
  const look = useMedvox((s) => s.look);
  const color = useMedvox((s) => s.info?.value.photometric === 'RGB');
  const tables = useMedvox((s) => s.presets?.colormaps) ?? [];
  const layout = useMedvox((s) => s.layout);
  const turn = (part: Partial<Turn>) =>
    change(setLook, { turn: { ...getState().look.turn, ...part } });
  return (
    <>
      {!color && (
        <>
          <NativeSelect
            size="xs"
            label="Color map"
            value={look.colormap}
            data={tables.map(({ name }) => name)}
            onChange={(event) => change(setLook, { colormap: event.currentTarget.value })}
          />
          <div
            className="gradient"
            style={{ background: cssGradient(findTable(tables, look.colormap)) }}
          />
        </>
      )}
      <Switch
        size="xs"
        label="Smooth between pixels"
        checked={look.smooth}
        onChange={(event) => change(setLook, { smooth: event.currentTarget.checked })}
      />
      <Switch
        size="xs"
        label="Magnifier (M)"
        checked={look.magnifier}
        onChange={(event) => change(setLook, { magnifier: event.currentTarget.checked })}
      />
      {layout === 'stack' && (
        <div className="pair">
          <Button
            size="compact-xs"
            variant="light"
            onClick={() => turn({ quarters: (look.turn.quarters + 3) % 4 })}
          >
            Turn left
          </Button>
          <Button
            size="compact-xs"
            variant="light"
            onClick={() => turn({ quarters: (look.turn.quarters + 1) % 4 })}
          >
            Turn right
          </Button>
          <Button
            size="compact-xs"
            variant={look.turn.horizontal ? 'filled' : 'light'}
            aria-pressed={look.turn.horizontal}
            onClick={() => turn({ horizontal: !look.turn.horizontal })}
          >
            Mirror
          </Button>
          <Button
            size="compact-xs"
            variant={look.turn.vertical ? 'filled' : 'light'}
            aria-pressed={look.turn.vertical}
            onClick={() => turn({ vertical: !look.turn.vertical })}
          >
            Upside down
          </Button>
        </div>
      )}
      <div className="pair">
        <Button size="compact-xs" variant="light" onClick={() => scaleView('pixels')}>
          1 : 1 pixels
        </Button>
        <Button size="compact-xs" variant="light" onClick={() => scaleView('real')}>
          Real size
        </Button>
      </div>
    </>
  );
}
