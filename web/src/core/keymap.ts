/** The commands of the keyboard, their usual keys, and the user's own. */

export interface Command {
  id: string;
  group: 'Tools' | 'Picture' | 'Go' | 'Notes';
  label: string;
  key: string;
}

const command = (group: Command['group'], id: string, label: string, key: string): Command => ({
  id,
  group,
  label,
  key,
});

export const COMMANDS: Command[] = [
  command('Tools', 'tool-window', 'window', 'w'),
  command('Tools', 'tool-crosshair', 'crosshair', 'c'),
  command('Tools', 'tool-pan', 'pan', 'g'),
  command('Tools', 'tool-zoom', 'zoom', 'z'),
  command('Tools', 'tool-probe', 'probe', 'p'),
  command('Tools', 'tool-length', 'length', 'l'),
  command('Tools', 'tool-polyline', 'polyline', 'Shift+l'),
  command('Tools', 'tool-angle', 'angle', 'a'),
  command('Tools', 'tool-cobb', 'Cobb angle', 'Shift+a'),
  command('Tools', 'tool-bidirectional', 'bidirectional', 'm'),
  command('Tools', 'tool-rectangle', 'rectangle', 't'),
  command('Tools', 'tool-ellipse', 'ellipse', 'e'),
  command('Tools', 'tool-freehand', 'freehand area', 'Shift+f'),
  command('Tools', 'tool-spline', 'spline area', 'Shift+s'),
  command('Tools', 'tool-arrow', 'arrow', 'Shift+w'),
  command('Tools', 'tool-text', 'text', 'Shift+t'),
  command('Tools', 'tool-sphere', 'threshold sphere', 'Shift+o'),
  command('Picture', 'invert', 'invert', 'i'),
  command('Picture', 'fit', 'fit', 'f'),
  command('Picture', 'reset', 'reset', 'r'),
  command('Picture', 'zoom-in', 'zoom in', '+'),
  command('Picture', 'zoom-out', 'zoom out', '-'),
  command('Picture', 'hide-patient', 'hide patient data', 'h'),
  command('Picture', 'overlay', 'overlay on and off', 'o'),
  command('Picture', 'magnifier', 'magnifier', 'Shift+m'),
  command('Picture', 'straighten', 'straighten turned planes', 'x'),
  command('Picture', 'key-image', 'mark as key image', 'k'),
  command('Notes', 'undo', 'undo', 'Ctrl+z'),
  command('Notes', 'redo', 'redo', 'Ctrl+Shift+z'),
  command('Notes', 'remove-note', 'remove the selected or last measurement', 'Delete'),
  command('Go', 'slice-back', 'one slice back', 'ArrowUp'),
  command('Go', 'slice-on', 'one slice on', 'ArrowDown'),
  command('Go', 'slices-back', 'ten slices back', 'PageUp'),
  command('Go', 'slices-on', 'ten slices on', 'PageDown'),
  command('Go', 'first-slice', 'first slice', 'Home'),
  command('Go', 'last-slice', 'last slice', 'End'),
  command('Go', 'time-back', 'one time point back', 'ArrowLeft'),
  command('Go', 'time-on', 'one time point on', 'ArrowRight'),
  command('Go', 'play', 'play and pause', 'Space'),
  command('Go', 'stored', 'stored slices', '1'),
  command('Go', 'planes', 'planes and 3D', '2'),
  command('Go', 'solid', '3D', '3'),
  command('Go', 'three', '3D beside planes', '4'),
  command('Go', 'grid', 'side by side', '5'),
  command('Go', 'studies', 'list of studies of a node', 's'),
  command('Go', 'list', 'list', 'b'),
  command('Go', 'details', 'details', 'n'),
  command('Go', 'header', 'header browser', 'd'),
  command('Go', 'help', 'this help', '?'),
];

type Own = Record<string, string> | undefined;

const BY_ID = new Map(COMMANDS.map((one) => [one.id, one]));

/** Key of a command: the user's own, else the usual one; empty where there is none. */
export const keyOf = (id: string, own: Own): string => own?.[id] ?? BY_ID.get(id)?.key ?? '';

interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

const MODIFIERS = ['Shift', 'Control', 'Alt', 'Meta', 'AltGraph'];

/** How a key is written: "w", "Shift+l", "Ctrl+z", "PageUp"; empty for a modifier alone. */
export function keyName({ key, ctrlKey, metaKey, shiftKey, altKey }: Pressed): string {
  if (MODIFIERS.includes(key)) return '';
  const plain =
    key === ' ' ? 'Space' : key === '=' ? '+' : key.length === 1 ? key.toLowerCase() : key;
  const letter = /^[a-z]$/.test(plain) || plain.length > 1;
  const parts = [
    ctrlKey || metaKey ? 'Ctrl' : '',
    altKey ? 'Alt' : '',
    shiftKey && letter ? 'Shift' : '',
    plain,
  ];
  return parts.filter(Boolean).join('+');
}

/** The command of a pressed key. */
export function commandOf(pressed: Pressed, own: Own): string | null {
  const name = keyName(pressed);
  if (!name) return null;
  return COMMANDS.find(({ id }) => keyOf(id, own) === name)?.id ?? ALIASES[name] ?? null;
}

const ALIASES: Record<string, string> = { 'Ctrl+y': 'redo' };

/** Gives a command another key; whoever had it loses it. */
export function withKey(
  own: Record<string, string>,
  id: string,
  key: string,
): Record<string, string> {
  const loser = COMMANDS.find((one) => one.id !== id && keyOf(one.id, own) === key);
  return { ...own, ...(loser && key ? { [loser.id]: '' } : {}), [id]: key };
}

const SHOWN: Record<string, string> = {
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  PageUp: 'PgUp',
  PageDown: 'PgDn',
};

/** A key as it stands in the help. */
export const keyText = (key: string): string =>
  key
    .split(/\+(?=.)/)
    .map((part) => SHOWN[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join(' + ');
