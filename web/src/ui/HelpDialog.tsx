import { Button, Kbd, Modal, NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { COMMANDS, type Command, keyName, keyOf, keyText } from '../core/keymap';
import { TEXTS } from '../core/texts';
import type { Preferences } from '../data/types';
import { setKey, setTheme, usualKeys } from '../state/preferences';
import { patch } from '../state/store';
import { useMedvox } from './useMedvox';

const MOUSE: [string[], string][] = [
  [['Left'], 'the chosen tool; in 3D: turn'],
  [['Wheel'], 'slices; in 3D: zoom'],
  [['Right'], 'zoom'],
  [['Middle'], 'pan (also Ctrl + left)'],
  [['Shift', 'Left'], 'window; in 3D: shift the preset'],
  [['Double click', 'Enter'], 'end a polyline or spline'],
];

const GROUPS: Command['group'][] = ['Tools', 'Picture', 'Notes', 'Go'];

/** Keys, each of which can be changed, the mouse, and the colors of the page. */
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
      <Colors />
      <div className="help-grid">
        <section>
          <h3>Mouse</h3>
          {MOUSE.map(([keys, text]) => (
            <div key={text} className="help-row">
              <span className="help-keys">
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
        {GROUPS.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            {COMMANDS.filter((one) => one.group === group).map((one) => (
              <KeyRow key={one.id} command={one} />
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

function Colors() {
  const theme = useMedvox((s) => s.preferences.theme);
  return (
    <div className="help-colors">
      <NativeSelect
        size="xs"
        label={TEXTS.theme}
        value={theme}
        data={[
          { value: 'dark', label: TEXTS.dark },
          { value: 'light', label: TEXTS.light },
          { value: 'system', label: TEXTS.system },
        ]}
        onChange={(event) => setTheme(event.currentTarget.value as Preferences['theme'])}
      />
      <Button size="xs" variant="default" onClick={usualKeys}>
        {TEXTS.usual}
      </Button>
    </div>
  );
}

/** A key; pressed, it waits for another one. Escape leaves it, Backspace takes it away. */
function KeyRow({ command }: { command: Command }) {
  const keys = useMedvox((s) => s.preferences.keys);
  const [waiting, setWaiting] = useState(false);
  const key = keyOf(command.id, keys);
  return (
    <div className="help-row">
      <button
        type="button"
        className="help-keys help-change"
        aria-label={`${TEXTS.change}: ${command.label}, ${key || 'no key'}`}
        data-command={command.id}
        onClick={() => setWaiting(true)}
        onBlur={() => setWaiting(false)}
        onKeyDown={(event) => {
          if (!waiting) return;
          event.preventDefault();
          event.stopPropagation();
          const pressed = keyName(event.nativeEvent);
          if (!pressed) return;
          setWaiting(false);
          if (pressed !== 'Escape') setKey(command.id, pressed === 'Backspace' ? '' : pressed);
        }}
      >
        {waiting ? TEXTS.pressKey : <Kbd size="xs">{key ? keyText(key) : '–'}</Kbd>}
      </button>
      <span>{command.label}</span>
    </div>
  );
}
