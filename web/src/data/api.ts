/** Requests to the server; every failure becomes an ApiError with what, where and advice. */
import type {
  Boot,
  ErrorBody,
  GridName,
  HangingRule,
  Header,
  ImageInfo,
  PlaneOutlines,
  Presets,
  ProbeAnswer,
  SegmentObject,
  Session,
  Studies,
} from './types';

export const BASE = '/api/v1';

/** Where the routes of the shown session are: of the only one, or of an opened study of a node. */
let base = BASE;

export function turnTo(study: string | null): void {
  base = study === null ? BASE : `${BASE}/opened/${encodeURIComponent(study)}`;
}

export class ApiError extends Error {
  readonly body: ErrorBody;
  readonly status: number;

  constructor(body: ErrorBody, status = 0) {
    super(body.what);
    this.name = 'ApiError';
    this.body = body;
    this.status = status;
  }
}

/** Any thrown thing as what, where, advice. */
export function errorBody(error: unknown, where: string): ErrorBody {
  if (error instanceof ApiError) return error.body;
  const what = error instanceof Error ? error.message : String(error);
  return { what, where, advice: 'Reload the page; if it happens again, report it.' };
}

/** The error in an answer's body, or one made of its status. */
export async function failureOf(response: Response, where: string): Promise<ApiError> {
  const advice =
    response.status === 401
      ? 'Open the address that the server printed when it started.'
      : 'Try again; if it happens again, look at the server’s output.';
  const fallback = { what: `The server answered ${response.status}`, where, advice };
  try {
    const { error } = (await response.json()) as { error?: ErrorBody };
    return new ApiError(error?.what ? error : fallback, response.status);
  } catch {
    return new ApiError(fallback, response.status);
  }
}

export async function send(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    const advice = 'Check that the server is still running, then reload the page.';
    throw new ApiError({ what: 'The server does not answer', where: path, advice });
  }
  if (!response.ok) throw await failureOf(response, path);
  return response;
}

export async function json<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await send(path, init)).json()) as T;
}

export const imagePath = (id: string): string => `${base}/images/${encodeURIComponent(id)}`;

export interface ProbeQuery {
  grid: GridName;
  t: number;
  k: number;
  j: number;
  i: number;
}

export interface RenderQuery {
  preset: string;
  azimuth: number;
  t: number;
  elevation: number;
  zoom: number;
  width: number;
  height: number;
}

export const query = (values: object): string =>
  new URLSearchParams(
    Object.entries(values).map(([key, value]) => [key, String(value)]),
  ).toString();

export const api = {
  session: () => json<Session>(`${base}/session`),
  studies: () => json<Studies>(`${base}/studies`),
  presets: () => json<Presets>(`${base}/presets`),
  hanging: () => json<HangingRule[]>(`${base}/hanging`),
  saveHanging: (rule: HangingRule) =>
    json<HangingRule[]>(`${BASE}/hanging`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(rule),
    }),
  removeHanging: (name: string) =>
    json<HangingRule[]>(`${BASE}/hanging/${encodeURIComponent(name)}`, { method: 'DELETE' }),
  image: (id: string) => json<ImageInfo>(imagePath(id)),
  probe: (id: string, at: ProbeQuery, signal?: AbortSignal) =>
    json<ProbeAnswer>(`${imagePath(id)}/probe?${query(at)}`, { signal }),
  segments: (id: string) => json<SegmentObject[]>(`${imagePath(id)}/segments`),
  outlines: (id: string, object: string, plane: object) =>
    json<PlaneOutlines>(
      `${imagePath(id)}/segments/${encodeURIComponent(object)}/outlines?${query(plane)}`,
    ),
  header: (id: string, t: number, k: number) =>
    json<Header>(`${imagePath(id)}/header?${query({ t, k })}`),
  seriesHeader: (id: string, n: number) =>
    json<Header>(`${base}/series/${encodeURIComponent(id)}/header?${query({ n })}`),
  open: (paths: string[]) =>
    json<Session>(`${BASE}/open`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ paths }),
    }),
  upload: (files: { file: File; path: string }[]) => {
    const form = new FormData();
    for (const { file, path } of files) form.append('files', file, path);
    return json<Session>(`${BASE}/upload`, { method: 'POST', body: form });
  },
  renderUrl: (id: string, view: RenderQuery) => `${imagePath(id)}/render?${query(view)}`,
  previewUrl: (id: string) => `${imagePath(id)}/preview`,
  eventsUrl: () => `${base}/events`,
};

/** What the server wrote into the page, so that something shows before any request. */
export function readBoot(document: Document): Boot {
  const text = document.getElementById('medvox-boot')?.textContent?.trim();
  if (!text) return { session: null, preview: null, node: null };
  try {
    const boot = JSON.parse(text) as Partial<Boot>;
    const { session = null, preview = null, node = null } = boot;
    return { session, preview, node };
  } catch {
    return { session: null, preview: null, node: null };
  }
}
