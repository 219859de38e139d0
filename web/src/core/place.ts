/** Where in a node's pages the reader is, as a part of the URL fragment. */

export const PAGES = ['studies', 'worklist', 'remote', 'status', 'viewer'] as const;
export type PageName = (typeof PAGES)[number];

export interface Place {
  page: PageName;
  /** Study Instance UID of the study in the viewer. */
  study: string | null;
}

/** The place that a fragment states: a study is in the viewer; the list where nothing is stated. */
export function decodePlace(hash: string): Place {
  const params = new URLSearchParams(hash.replace(/^#/, ''));
  const study = params.get('study');
  if (study) return { page: 'viewer', study };
  const page = PAGES.find((name) => name === params.get('page') && name !== 'viewer');
  return { page: page ?? 'studies', study: null };
}

export const encodePlace = ({ page, study }: Place): string =>
  study === null ? `#page=${page}` : `#study=${study}`;

export const samePlace = (a: Place, b: Place): boolean => a.page === b.page && a.study === b.study;
