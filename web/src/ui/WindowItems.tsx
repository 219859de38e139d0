import { Menu } from '@mantine/core';
import { formatNumber } from '../core/format';
import { patch } from '../state/store';
import { useMedvox } from './useMedvox';
import { windowPresets } from './windowPresets';

/** The window presets of the image and its modality, as menu items. */
export function WindowItems() {
  const info = useMedvox((s) => s.info);
  const presets = useMedvox((s) => s.presets);
  return windowPresets(info, presets).map(({ name, center, width }) => (
    <Menu.Item
      key={`${name} ${center} ${width}`}
      rightSection={
        <span className="quiet">{`${formatNumber(center)} / ${formatNumber(width)}`}</span>
      }
      onClick={() => patch({ window: { center, width } })}
    >
      {name}
    </Menu.Item>
  ));
}
