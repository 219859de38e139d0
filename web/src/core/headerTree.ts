/** Which lines of a header show: the tree of sequences, what is searched for, what is folded. */

export interface HeaderLine {
  tag: string;
  keyword: string;
  name: string;
  value: string;
  meaning: string;
  creator: string;
  depth: number;
  identifying: boolean;
  may_identify: boolean;
}

export type HeaderFilter = 'all' | 'identifying' | 'private';

export interface HeaderQuery {
  search: string;
  filter: HeaderFilter;
  /** True where values that may identify the patient are not shown, and not searched. */
  hidden: boolean;
  /** Lines whose fold the user turned. */
  turned: ReadonlySet<number>;
}

export interface HeaderRow {
  index: number;
  /** Null where nothing lies beneath. */
  folded: boolean | null;
}

/** Sequences of more lines than this are folded at first. */
const LONG = 40;
/** No more rows are drawn at once. */
export const MOST_ROWS = 1500;

/** How many lines lie beneath each line. */
export function sizesBeneath(lines: readonly HeaderLine[]): number[] {
  const sizes = lines.map(() => 0);
  const within: number[] = [];
  lines.forEach((line, n) => {
    while (within.length > 0 && lines[within.at(-1)!]!.depth >= line.depth) within.pop();
    for (const above of within) sizes[above]! += 1;
    within.push(n);
  });
  return sizes;
}

function holds(line: HeaderLine, needle: string, hidden: boolean): boolean {
  const { tag, keyword, name, meaning, creator } = line;
  const value = hidden && line.may_identify ? '' : line.value;
  const plain = tag.replace(/[(),]/g, '');
  return `${tag}\n${plain}\n${keyword}\n${name}\n${value}\n${meaning}\n${creator}`
    .toLowerCase()
    .includes(needle);
}

const fits = (line: HeaderLine, filter: HeaderFilter): boolean =>
  filter === 'all' || (filter === 'private' ? line.creator !== '' : line.identifying);

/** The rows to draw, in order: what fits, with the sequences it lies in. */
export function headerRows(lines: readonly HeaderLine[], query: HeaderQuery): HeaderRow[] {
  const sizes = sizesBeneath(lines);
  const needle = query.search.trim().toLowerCase();
  return needle === '' && query.filter === 'all'
    ? treeRows(lines, sizes, query.turned)
    : foundRows(lines, sizes, query, needle);
}

function treeRows(
  lines: readonly HeaderLine[],
  sizes: number[],
  turned: ReadonlySet<number>,
): HeaderRow[] {
  const rows: HeaderRow[] = [];
  for (let n = 0; n < lines.length; n++) {
    const size = sizes[n]!;
    const folded = size === 0 ? null : size > LONG !== turned.has(n);
    rows.push({ index: n, folded });
    if (folded) n += size;
  }
  return rows;
}

function foundRows(
  lines: readonly HeaderLine[],
  sizes: number[],
  query: HeaderQuery,
  needle: string,
): HeaderRow[] {
  const rows: HeaderRow[] = [];
  const within: number[] = [];
  let drawn = -1;
  lines.forEach((line, n) => {
    while (within.length > 0 && lines[within.at(-1)!]!.depth >= line.depth) within.pop();
    if (fits(line, query.filter) && holds(line, needle, query.hidden)) {
      for (const above of within) {
        if (above > drawn) rows.push({ index: above, folded: false });
      }
      rows.push({ index: n, folded: sizes[n]! > 0 ? false : null });
      drawn = n;
    }
    within.push(n);
  });
  return rows;
}
