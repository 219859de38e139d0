import { describe, expect, it } from 'vitest';
import { type HeaderLine, type HeaderQuery, headerRows, sizesBeneath } from './headerTree';

const line = (tag: string, depth = 0, more: Partial<HeaderLine> = {}): HeaderLine => ({
  tag,
  keyword: '',
  name: '',
  value: '',
  meaning: '',
  creator: '',
  depth,
  identifying: false,
  may_identify: false,
  ...more,
});

const LINES = [
  line('(0010,0010)', 0, { name: 'Name', value: 'DOE', identifying: true, may_identify: true }),
  line('(0010,1002)', 0, { name: 'Other' }),
  line('(FFFE,E000)', 1),
  line('(0010,0020)', 2, { name: 'ID', value: 'DOE-2', identifying: true, may_identify: true }),
  line('(0028,0010)', 0, { name: 'Rows' }),
  line('(0043,1039)', 0, { creator: 'GEMS_PARM_01', value: '50', may_identify: true }),
];
const ALL: HeaderQuery = { search: '', filter: 'all', hidden: false, turned: new Set() };
const shown = (query: Partial<HeaderQuery>, lines = LINES) =>
  headerRows(lines, { ...ALL, ...query }).map((row) => row.index);

describe('headerRows', () => {
  it('counts what lies beneath', () => {
    expect(sizesBeneath(LINES)).toEqual([0, 2, 1, 0, 0, 0]);
  });

  it('draws all, and folds what was turned', () => {
    expect(shown({})).toEqual([0, 1, 2, 3, 4, 5]);
    expect(shown({ turned: new Set([1]) })).toEqual([0, 1, 4, 5]);
  });

  it('folds long sequences at first', () => {
    const long = [line('SQ'), ...Array.from({ length: 50 }, () => line('x', 1)), line('end')];
    expect(shown({}, long)).toEqual([0, 51]);
    expect(shown({ turned: new Set([0]) }, long)).toHaveLength(52);
  });

  it('keeps the sequences of what was found', () => {
    expect(shown({ search: 'doe-2' })).toEqual([1, 2, 3]);
    expect(shown({ search: '00280010' })).toEqual([4]);
    expect(shown({ search: 'gems_parm' })).toEqual([5]);
  });

  it('does not find what is hidden', () => {
    expect(shown({ search: 'doe', hidden: true })).toEqual([]);
  });

  it('shows identifying or private elements only', () => {
    expect(shown({ filter: 'identifying' })).toEqual([0, 1, 2, 3]);
    expect(shown({ filter: 'private' })).toEqual([5]);
  });
});
