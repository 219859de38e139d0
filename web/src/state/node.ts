/** What the pages of a node ask the server for. */
import { archive } from '../data/archive';
import type { ScheduledStep, Transfer } from '../data/types';
import { NO_SEARCH, type RemoteTable, type Search, type StudyTable } from './model';
import { getState, patch, report } from './store';

export const PAGE_SIZE = 50;
const POLL_MS = 700;

const setTable = (part: Partial<StudyTable>) => patch({ table: { ...getState().table, ...part } });
const setRemote = (part: Partial<RemoteTable>) =>
  patch({ remote: { ...getState().remote, ...part } });

/** The last answer that was asked for wins. */
let asked = 0;

/** Asks for a page of the list, the present one again if none is named. */
export async function listStudies(keys = getState().table.keys): Promise<void> {
  const mine = ++asked;
  const { search } = getState().table;
  setTable({ loading: true });
  try {
    const found = await archive.studies(search, PAGE_SIZE, keys.at(-1) ?? null);
    if (mine === asked) setTable({ found, keys, loading: false });
  } catch (error) {
    if (mine !== asked) return;
    setTable({ loading: false });
    report(error, 'list of studies');
  }
}

export function searchStudies(part: Partial<Search>): void {
  setTable({ search: { ...getState().table.search, ...part } });
  void listStudies([]);
}

export const clearSearch = (): void => searchStudies(NO_SEARCH);

export function nextPage(): void {
  const { keys, found } = getState().table;
  if (found?.next) void listStudies([...keys, found.next]);
}

export const previousPage = (): void => void listStudies(getState().table.keys.slice(0, -1));

export async function loadNodes(): Promise<void> {
  try {
    const nodes = await archive.nodes();
    const { node } = getState().remote;
    setRemote({
      nodes,
      node: nodes.some((n) => n.name === node) ? node : (nodes[0]?.name ?? null),
    });
  } catch (error) {
    report(error, 'remote nodes');
  }
}

export const chooseNode = (node: string): void => setRemote({ node, found: null });

export const setRemoteSearch = (part: Partial<Search>): void =>
  setRemote({ search: { ...getState().remote.search, ...part } });

export async function searchRemote(): Promise<void> {
  const { node, search } = getState().remote;
  if (node === null) return;
  setRemote({ loading: true });
  const still = () => getState().remote.node === node;
  try {
    const found = await archive.remoteStudies(node, search);
    if (still()) setRemote({ found });
  } catch (error) {
    if (still()) report(error, node);
  } finally {
    if (still()) setRemote({ loading: false });
  }
}

const isRunning = ({ state }: Transfer): boolean => state === 'waiting' || state === 'running';

let polling: ReturnType<typeof setTimeout> | undefined;

/** Follows the transfers until all have ended; then lists what has come. */
export async function followTransfers(): Promise<void> {
  clearTimeout(polling);
  const before = getState().transfers;
  try {
    const transfers = await archive.transfers();
    patch({ transfers });
    const ended = before.some(
      (old) => isRunning(old) && !transfers.find((t) => t.id === old.id && isRunning(t)),
    );
    if (ended) await refreshHeld();
    if (transfers.some(isRunning)) polling = setTimeout(followTransfers, POLL_MS);
  } catch (error) {
    report(error, 'transfers');
  }
}

/** Numbers of instances that the archive has now, in the answer of a remote node. */
async function refreshHeld(): Promise<void> {
  const { found } = getState().remote;
  if (getState().page === 'remote' && found) await searchRemote();
  if (getState().page === 'studies') await listStudies();
}

export async function transfer(kind: Transfer['kind'], node: string, study: string): Promise<void> {
  try {
    const begun = await archive.transfer(kind, node, study);
    patch({ transfers: [begun, ...getState().transfers.filter((t) => t.id !== begun.id)] });
    await followTransfers();
  } catch (error) {
    report(error, node);
  }
}

export async function removeTransfer(id: string): Promise<void> {
  try {
    await archive.remove(id);
  } catch (error) {
    report(error, 'transfer');
  }
  await followTransfers();
}

export async function loadStatus(): Promise<void> {
  try {
    patch({ status: await archive.status() });
  } catch (error) {
    report(error, 'status');
  }
}

export async function retryTask(id: string): Promise<void> {
  await archive.retry(id).catch((error: unknown) => report(error, 'failed task'));
  await loadStatus();
}

export async function acceptCaller(id: string): Promise<void> {
  await archive.accept(id).catch((error: unknown) => report(error, 'refused caller'));
  await loadStatus();
}

export async function loadProcedures(ended: boolean): Promise<void> {
  try {
    patch({ procedures: await archive.procedures(ended) });
  } catch (error) {
    report(error, 'worklist');
  }
}

/** Says how far a scheduled step is; the list shows what the server has made of it. */
export async function setStep(id: number, status: ScheduledStep['status']): Promise<void> {
  try {
    const changed = await archive.setStep(id, status);
    const { procedures } = getState();
    if (!procedures) return;
    const scheduled = procedures.scheduled.map((one) => (one.id === id ? changed : one));
    patch({ procedures: { ...procedures, scheduled } });
  } catch (error) {
    report(error, 'worklist');
  }
}
