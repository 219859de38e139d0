import { describe, expect, it } from 'vitest';
import {
  formatAgo,
  formatBytes,
  formatClock,
  formatCount,
  formatDate,
  formatLength,
  formatName,
  formatNumber,
  formatPoint,
  formatValue,
  scaleBarLength,
} from './format';

describe('numbers', () => {
  it('keeps four figures and whole numbers whole', () => {
    expect(formatNumber(12.34567)).toBe('12.35');
    expect(formatNumber(-1024)).toBe('-1024');
    expect(formatNumber(0.000123456)).toBe('0.0001235');
    expect(formatNumber(Number.NaN)).toBe('–');
  });

  it('shows the unit unless it is the unit one', () => {
    expect(formatValue(40, 'HU')).toBe('40 HU');
    expect(formatValue(40, '1')).toBe('40');
    expect(formatValue([200, 40, 20], '1')).toBe('(200, 40, 20)');
    expect(formatValue(null, 'HU')).toBe('–');
  });

  it('has no minus zero in points', () => {
    expect(formatPoint([-0.01, 1.25, -3])).toBe('0.0, 1.3, -3.0');
  });
});

describe('scale bar', () => {
  it.each([
    [120, 100],
    [99, 50],
    [49, 20],
    [19, 10],
    [0.7, 0.5],
  ])('at most %d is %d', (most, bar) => {
    expect(scaleBarLength(most)).toBeCloseTo(bar, 12);
  });
  it('reads in cm where that is rounder', () => {
    expect(formatLength(50)).toBe('5 cm');
    expect(formatLength(5)).toBe('5 mm');
  });
});

describe('DICOM texts', () => {
  it('formats dates and names', () => {
    expect(formatDate('20240311')).toBe('2024-03-11');
    expect(formatDate(null)).toBe('');
    expect(formatName('Doe^Jane^Q')).toBe('Doe, Jane Q');
    expect(formatName('')).toBe('');
  });
});

describe('what a node says of itself', () => {
  it.each([
    [0, '0 bytes'],
    [999, '999 bytes'],
    [1000, '1.0 kB'],
    [24_316_000, '24.3 MB'],
    [99_960_000_000, '100 GB'],
    [5 << 28, '1.3 GB'],
    [3e15, '3.0 PB'],
  ])('writes %d bytes as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0, '0'],
    [999, '999'],
    [1_234_567, '1\u2009234\u2009567'],
  ])('parts the thousands of %d', (count, text) => expect(formatCount(count)).toBe(text));

  it.each([
    [1, 'just now'],
    [60, '1 minute ago'],
    [7300, '2 hours ago'],
    [86400 * 3, '3 days ago'],
    [-5, 'just now'],
  ])('says that %d s are %s', (ago, text) => expect(formatAgo(1e6 - ago, 1e6)).toBe(text));

  it.each([
    ['093000.12', '09:30'],
    ['0930', '09:30'],
    ['', ''],
    ['***', ''],
  ])('writes the time %s as %s', (time, text) => expect(formatClock(time)).toBe(text));
});
