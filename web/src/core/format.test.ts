import { describe, expect, it } from 'vitest';
import {
  formatDate,
  formatLength,
  formatName,
  formatNumber,
  formatPoint,
  formatValue,
  scaleBarLength,
  statisticsLines,
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

describe('statisticsLines', () => {
  const region = { mean: 31.25, sd: 2.5, min: 24, max: 36, area: 123.456 };
  it('states every number with its unit', () => {
    expect(statisticsLines({ ...region, areaUnit: 'mm²', unit: 'HU' })).toEqual([
      'mean 31.25 HU  SD 2.5',
      'min 24  max 36 HU',
      'area 123.5 mm²',
    ]);
  });
  it('says px where nothing is known of the size', () => {
    expect(statisticsLines({ ...region, areaUnit: 'px²', unit: '1' }).at(-1)).toBe(
      'area 123.5 px²',
    );
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
