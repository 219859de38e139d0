/** Notes as text: the lines beside them, names, units, tables. */
import { formatNumber, shownUnit } from '../core/format';
import type { Note, Quantity } from '../data/types';
import { KINDS } from './kinds';

const UNITS: Record<string, string> = { mm2: 'mm²', px2: 'px²', deg: '°' };

export const unitText = (unit: string): string => UNITS[unit] ?? shownUnit(unit);

const NAMES: Record<string, string> = {
  long_axis: 'long',
  short_axis: 'short',
  sd: 'SD',
  volume: 'volume',
};

/** "12.3 mm", "45.1°", "3". */
export function quantityText({ value, unit }: Quantity): string {
  const text = unitText(unit);
  return text === '°' ? `${formatNumber(value)}°` : `${formatNumber(value)} ${text}`.trim();
}

export const resultOf = (note: Note, name: string): Quantity | undefined =>
  note.results.find((quantity) => quantity.name === name);

/** Where lengths are not those in the patient, and what they are. */
export const CALIBRATION: Record<string, string> = {
  none: 'spacing unknown',
  detector: 'at the detector',
  calibrated: 'corrected for magnification',
  local: 'true size, place unknown',
  'ultrasound-region': 'inside the region only',
  patient: '',
};

/** Lines beside a note on the picture. */
export function noteLines(note: Note): string[] {
  const text = (name: string, label = NAMES[name] ?? name): string | null => {
    const found = resultOf(note, name);
    return found ? `${label} ${quantityText(found)}`.trim() : null;
  };
  const joined = (...parts: (string | null)[]): string => parts.filter(Boolean).join('  ');
  const lines: Record<string, (string | null)[]> = {
    length: [text('length', '')],
    polyline: [text('length', '')],
    angle: [text('angle', '')],
    cobb: [text('angle', 'Cobb')],
    bidirectional: [text('long_axis'), text('short_axis')],
    probe: [text('value', '')],
    arrow: [note.text],
    text: [note.text],
    sphere: [text('volume'), joined(text('mean'), text('max')), text('threshold', '≥')],
    'key-image': [note.text],
  };
  const region = [joined(text('mean'), text('sd')), joined(text('min'), text('max')), text('area')];
  const own = lines[note.kind] ?? region;
  const away = lengthsAreNot(note);
  return [note.name, ...own, away].filter((line): line is string => Boolean(line));
}

/** Said beside lengths that are not those in the patient. */
function lengthsAreNot(note: Note): string {
  const measured = note.results.some(({ unit }) => unit.startsWith('mm') || unit === 'ml');
  return measured && note.calibration !== 'patient' && note.calibration !== 'local'
    ? (CALIBRATION[note.calibration] ?? '')
    : '';
}

export const noteTitle = (note: Note): string => note.name || KINDS[note.kind].label;

/** One row for each result. */
export const COLUMNS = [
  'name',
  'kind',
  'quantity',
  'value',
  'unit',
  'calibration',
  'sampling',
  'slice',
  'time',
  'sop_instance_uid',
  'frame',
  'file',
  'points',
  'space',
  'text',
  'author',
  'modified',
  'id',
] as const;

export type Row = Record<(typeof COLUMNS)[number], string | number>;

export function tableRows(notes: Note[]): Row[] {
  return notes.flatMap((note) => {
    const quantities: (Quantity | null)[] = note.results.length > 0 ? note.results : [null];
    return quantities.map((quantity) => ({
      name: noteTitle(note),
      kind: note.kind,
      quantity: quantity?.name ?? '',
      value: quantity?.value ?? '',
      unit: quantity?.unit ?? '',
      calibration: note.calibration,
      sampling: note.sampling,
      slice: note.slice === null ? '' : note.slice + 1,
      time: note.time + 1,
      sop_instance_uid: note.source?.sop_instance_uid ?? '',
      frame: note.source?.frame ?? '',
      file: note.source?.file ?? '',
      points: note.points.map((p) => p.map((x) => Number(x.toFixed(3))).join(' ')).join('; '),
      space: note.space === 'patient' ? 'LPS mm' : 'image',
      text: note.text,
      author: note.author,
      modified: note.modified,
      id: note.id,
    }));
  });
}

/** RFC 4180; a cell that a spreadsheet would run as a formula begins with an apostrophe. */
export function toCsv(notes: Note[], separator = ','): string {
  const cell = (value: string | number): string => {
    if (typeof value === 'number') return String(value);
    const safe = /^[=+@\t\r]|^-(?!\d)/.test(value) ? `'${value}` : value;
    return /["\r\n,;\t]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const rows = tableRows(notes).map((row) => COLUMNS.map((column) => cell(row[column])));
  return [COLUMNS as readonly string[], ...rows].map((row) => row.join(separator)).join('\r\n');
}

export const toJson = (notes: Note[]): string => JSON.stringify({ schema: 1, notes }, null, 1);
