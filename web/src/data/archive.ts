/** Requests that only a node answers. */
import { BASE, json, query, send } from './api';
import type {
  Added,
  ListedSeries,
  ListedStudies,
  NodeStatus,
  Procedures,
  RemoteNode,
  RemoteStudies,
  ScheduledStep,
  Session,
  Transfer,
} from './types';

const name = encodeURIComponent;
const post = { method: 'POST' };

/** The fields that say something; the server refuses empty dates. */
const given = (values: object): string =>
  query(Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '')));

export const archive = {
  studies: (search: object, limit: number, after: string | null) =>
    json<ListedStudies>(
      `${BASE}/archive/studies?${given({ ...search, limit, after: after ?? '' })}`,
    ),
  series: (study: string) => json<ListedSeries[]>(`${BASE}/archive/studies/${name(study)}/series`),
  open: (study: string) => json<Session>(`${BASE}/archive/studies/${name(study)}/open`, post),
  add: (files: { file: File; path: string }[]) => {
    const form = new FormData();
    for (const { file, path } of files) form.append('files', file, path);
    return json<Added>(`${BASE}/archive/files`, { method: 'POST', body: form });
  },
  procedures: (ended: boolean) => json<Procedures>(`${BASE}/procedures?${query({ ended })}`),
  setStep: (id: number, status: ScheduledStep['status']) =>
    json<ScheduledStep>(`${BASE}/procedures/scheduled/${id}/status`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ status }),
    }),
  status: () => json<NodeStatus>(`${BASE}/status`),
  retry: (id: string) => send(`${BASE}/status/failures/${name(id)}/retry`, post),
  accept: (id: string) => send(`${BASE}/status/refused/${name(id)}/accept`, post),
  nodes: () => json<RemoteNode[]>(`${BASE}/remote/nodes`),
  echo: (node: string) =>
    json<{ seconds: number }>(`${BASE}/remote/nodes/${name(node)}/echo`, post),
  remoteStudies: (node: string, search: object) =>
    json<RemoteStudies>(`${BASE}/remote/nodes/${name(node)}/studies?${given(search)}`),
  transfers: () => json<Transfer[]>(`${BASE}/remote/transfers`),
  transfer: (kind: Transfer['kind'], node: string, study: string) =>
    json<Transfer>(`${BASE}/remote/transfers`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ kind, node, study_uid: study }),
    }),
  remove: (id: string) => send(`${BASE}/remote/transfers/${name(id)}`, { method: 'DELETE' }),
};
