import { Kbd, Modal } from '@mantine/core';
import { patch } from '../state/store';
import { useMedvox } from './useMedvox';

const GROUPS: [string, [string[], string][]][] = [
  [
    'Mouse',
    [
      [['Left'], 'the chosen tool; in 3D: turn'],
      [['Wheel'], 'slices; in 3D: zoom'],
      [['Right'], 'zoom'],
      [['Middle'], 'pan (also Ctrl + left)'],
      [['Shift', 'Left'], 'window; in 3D: shift the preset'],
    ],
  ],
  [
    'Tools',
    [
      [['W'], 'window'],
      [['C'], 'crosshair'],
      [['G'], 'pan'],
      [['Z'], 'zoom'],
      [['P'], 'probe'],
      [['L'], 'length'],
      [['T'], 'rectangle'],
      [['Delete'], 'remove the last measurement'],
    ],
  ],
  [
    'Picture',
    [
      [['I'], 'invert'],
      [['F'], 'fit'],
      [['R'], 'reset'],
      [['+'], 'zoom in'],
      [['−'], 'zoom out'],
      [['H'], 'hide patient data'],
      [['O'], 'overlay on and off'],
    ],
  ],
  [
    'Go',
    [
      [['↑', '↓'], 'one slice'],
      [['PgUp', 'PgDn'], 'ten slices'],
      [['Home', 'End'], 'first, last slice'],
      [['←', '→'], 'one time point'],
      [['Space'], 'play and pause'],
      [['D'], 'header browser'],
      [['1', '2', '3'], 'slices, planes and 3D, 3D'],
      [['4', '5'], '3D beside planes, side by side'],
      [['X'], 'straighten turned planes'],
      [['M'], 'magnifier'],
      [['B', 'N'], 'list, details'],
      [['S'], 'list of studies of a node'],
    ],
  ],
];

export function HelpDialog() {
  const opened = useMedvox((s) => s.help);
  const version = useMedvox((s) => s.session?.version);
  return (
    <Modal
      opened={opened}
      onClose={() => patch({ help: false })}
      size="lg"
      title="Keys and mouse"
      closeButtonProps={{ 'aria-label': 'Close help' }}
    >
      <div style={{ display: 'grid', gridTemplateColumns: '1fr 1fr', gap: '18px 28px' }}>
        {GROUPS.map(([name, rows]) => (
          <section key={name}>
            <h3 style={{ margin: '0 0 8px', fontSize: 14 }}>{name}</h3>
            {rows.map(([keys, text]) => (
              <div key={text} style={{ display: 'flex', gap: 8, padding: '3px 0' }}>
                <span style={{ minWidth: 96 }}>
                  {keys.map((key) => (
                    <Kbd key={key} size="xs" mr={3}>
                      {key}
                    </Kbd>
                  ))}
                </span>
                <span>{text}</span>
              </div>
            ))}
          </section>
        ))}
      </div>
      <p className="quiet" style={{ marginBottom: 0 }}>
        medvox {version} · research use, not for diagnosis
      </p>
    </Modal>
  );
}
