import { Menu } from '@mantine/core';
import { IconSend } from '@tabler/icons-react';
import { transfer } from '../../state/node';
import { useMedvox } from '../useMedvox';

/** Sends a study of the archive to one of the configured nodes. */
export function SendMenu({ study }: { study: string }) {
  const nodes = useMedvox((s) => s.remote.nodes);
  if (!nodes || nodes.length === 0) return null;
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <button
          type="button"
          className="fold-button"
          aria-label="Send to a node"
          title="Send to a node"
          onClick={(event) => event.stopPropagation()}
          onKeyDown={(event) => event.stopPropagation()}
        >
          <IconSend size={15} stroke={1.6} />
        </button>
      </Menu.Target>
      <Menu.Dropdown onClick={(event) => event.stopPropagation()}>
        <Menu.Label>Send to</Menu.Label>
        {nodes.map((node) => (
          <Menu.Item key={node.name} onClick={() => void transfer('send', node.name, study)}>
            {node.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
