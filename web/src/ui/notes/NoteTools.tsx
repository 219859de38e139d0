import { Menu } from '@mantine/core';
import { IconRulerMeasure } from '@tabler/icons-react';
import { keyOf, keyText } from '../../core/keymap';
import { TEXTS } from '../../core/texts';
import { DRAWN, KINDS } from '../../notes/kinds';
import { patch } from '../../state/store';
import { useMedvox } from '../useMedvox';

/** All measuring tools by name. */
export function NoteTools() {
  const tool = useMedvox((s) => s.tool);
  const keys = useMedvox((s) => s.preferences.keys);
  return (
    <Menu position="bottom-start" withinPortal transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <button
          type="button"
          className="tool"
          aria-label={TEXTS.moreTools}
          title={TEXTS.moreTools}
          aria-pressed={(DRAWN as string[]).includes(tool)}
        >
          <IconRulerMeasure size={18} stroke={1.7} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {DRAWN.map((kind) => (
          <Menu.Item
            key={kind}
            rightSection={<kbd className="menu-key">{keyText(keyOf(`tool-${kind}`, keys))}</kbd>}
            aria-current={tool === kind ? 'true' : undefined}
            onClick={() => patch({ tool: kind })}
          >
            {KINDS[kind].label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
