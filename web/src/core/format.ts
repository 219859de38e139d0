/** Numbers and measurements as text. */
import type { Vec3 } from './vector';

/** At most `figures` significant figures, integers whole, no trailing zeros. */
export function formatNumber(value: number, figures = 4): string {
  if (!Number.isFinite(value)) return '–';
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  return String(Number(value.toPrecision(figures)));
}

/** The unit as shown after a number; the UCUM "1" of plain numbers stays silent. */
export const shownUnit = (unit: string): string => (unit === '1' || unit === '' ? '' : unit);

export function formatValue(
  value: number | (number | null)[] | null | undefined,
  unit: string,
): string {
  if (value === null || value === undefined) return '–';
  const text = Array.isArray(value)
    ? `(${value.map((v) => formatNumber(v ?? Number.NaN)).join(', ')})`
    : formatNumber(value, 6);
  const suffix = shownUnit(unit);
  return suffix ? `${text} ${suffix}` : text;
}

export const formatPoint = (point: Vec3, digits = 1): string =>
  point.map((x) => (Math.abs(x) < 0.5 * 10 ** -digits ? 0 : x).toFixed(digits)).join(', ');

/** A round length (1, 2 or 5 times a power of ten) of at most `longest`. */
export function scaleBarLength(longest: number): number {
  if (!(longest > 0)) return 0;
  const power = 10 ** Math.floor(Math.log10(longest));
  const step = [5, 2, 1].find((s) => s * power <= longest) ?? 1;
  return step * power;
}

export function formatLength(mm: number): string {
  return mm >= 100 || (mm >= 10 && mm % 10 === 0)
    ? `${formatNumber(mm / 10)} cm`
    : `${formatNumber(mm)} mm`;
}

/** A DICOM date (YYYYMMDD) as YYYY-MM-DD; anything else unchanged. */
export const formatDate = (date: string | null): string =>
  date && /^\d{8}$/.test(date)
    ? `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`
    : (date ?? '');

/** A DICOM person name (family^given^middle^prefix^suffix) as "family, given middle". */
export function formatName(name: string): string {
  const [family = '', ...given] = name
    .split('=')[0]!
    .split('^')
    .map((part) => part.trim());
  const rest = given.filter(Boolean).join(' ');
  return [family, rest].filter(Boolean).join(', ');
}

export const plural = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Bytes in the largest decimal unit that leaves at least one: "5.4 GB". */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = bytes < 1000 ? 0 : Math.min(5, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power > 0 && value < 99.95 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

/** A count with its thousands apart. */
export const formatCount = (count: number): string =>
  String(count).replace(/\B(?=(\d{3})+(?!\d))/g, '\u2009');

/** How long ago a time (seconds since 1970) was, in its largest unit. */
export function formatAgo(time: number, now = Date.now() / 1000): string {
  const seconds = Math.max(0, now - time);
  const steps: [number, string][] = [
    [86400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
  ];
  const [unit, name] = steps.find(([length]) => seconds >= length) ?? [0, ''];
  return unit ? `${plural(Math.floor(seconds / unit), name)} ago` : 'just now';
}

/** A DICOM time (HHMMSS.F) as hours and minutes. */
export const formatClock = (time: string): string =>
  /^\d{4}/.test(time) ? `${time.slice(0, 2)}:${time.slice(2, 4)}` : '';
