import { Menu } from '@mantine/core';
import { IconTable } from '@tabler/icons-react';
import { setTableSize } from '../../state/look';
import { setLayout } from '../../state/reducers';
import { change } from '../../state/store';
import { useMedvox } from '../useMedvox';

const SIZES = [1, 2, 3].flatMap((rows) => [1, 2, 3].map((columns) => ({ rows, columns })));

/** Chooses a table of views, 1 × 1 to 3 × 3. */
export default function TableMenu() {
  const layout = useMedvox((s) => s.layout);
  const { rows, columns } = useMedvox((s) => s.look.table);
  const chosen = (size: { rows: number; columns: number }) =>
    layout === 'grid' && size.rows === rows && size.columns === columns;
  return (
    <Menu position="bottom-start" withinPortal>
      <Menu.Target>
        <button
          type="button"
          className="tool"
          aria-label="Compare"
          title="Compare side by side (5)"
          aria-pressed={layout === 'grid'}
          aria-keyshortcuts="5"
        >
          <IconTable size={18} stroke={1.7} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Views side by side</Menu.Label>
        <div className="size-table">
          {SIZES.map((size) => (
            <Menu.Item
              key={`${size.rows} ${size.columns}`}
              component="button"
              aria-label={`${size.rows} × ${size.columns}`}
              aria-pressed={chosen(size)}
              onClick={() => {
                change(setTableSize, size.rows, size.columns);
                change(setLayout, 'grid');
              }}
            >
              {`${size.rows}×${size.columns}`}
            </Menu.Item>
          ))}
        </div>
      </Menu.Dropdown>
    </Menu>
  );
}
