/** What the user can ask for that needs the server. */
import { decodeHash, EMPTY, type UrlState } from '../core/hash';
import { decodePlace, type Place, samePlace } from '../core/place';
import { api, turnTo } from '../data/api';
import { archive } from '../data/archive';
import type { DroppedFile } from '../data/droppedFiles';
import { followSession } from '../data/sessionFeed';
import type { Boot, ImageSummary, Session, Studies } from '../data/types';
import { followRules, hang, loadRules } from './hanging';
import { setPane } from './look';
import { INITIAL } from './model';
import { listStudies } from './node';
import { addError, openImage as openInState } from './reducers';
import { change, getState, patch, report } from './store';

/** The last request wins where an image is asked for while another is on its way. */
let wanted: string | null = null;

/** Shows an image; `url` restores the view that a URL states. */
export async function openImage(id: string, url: UrlState = EMPTY): Promise<void> {
  if (getState().imageId === id && url === EMPTY) return;
  wanted = id;
  const summary = summaryOf(getState().studies, id);
  const known = getState().preview;
  const preview = known?.imageId === id ? known : null;
  patch({
    imageId: id,
    info: null,
    shown: false,
    playing: false,
    errors: [],
    views: {},
    probe: null,
    pinned: null,
    preview: preview ?? { imageId: id, url: api.previewUrl(id), label: summary?.label ?? '' },
  });
  try {
    const info = await api.image(id);
    if (wanted !== id) return;
    change(openInState, info, url);
    followRules(id, url.imageId === id);
  } catch (error) {
    if (wanted === id) report(error, summary?.label ?? id);
  }
}

/** The user chose an image of the list: in a table of views it goes into the active one. */
export function chooseImage(id: string): void {
  const { layout, activePane } = getState();
  if (layout === 'grid' && activePane > 0) change(setPane, activePane, { imageId: id });
  else void openImage(id);
}

function summaryOf(studies: Studies | null, id: string): ImageSummary | undefined {
  for (const study of studies?.studies ?? []) {
    for (const series of study.series) {
      const image = series.images.find((candidate) => candidate.id === id);
      if (image) return image;
    }
  }
  return undefined;
}

async function refreshStudies(): Promise<void> {
  try {
    const studies = await api.studies();
    patch({ studies });
    hang();
    if (!wanted && studies.first_image_id) await openImage(studies.first_image_id);
  } catch (error) {
    report(error, 'list of studies');
  }
}

function takeSession(session: Session): void {
  const previous = getState();
  patch({ session });
  if (session.error) change(addError, session.error);
  if (previous.studies?.revision !== session.revision) void refreshStudies();
}

/** Ends what the shown session needs; another may follow. */
let leave: () => void = () => {};

/** Goes to another place of a node's pages; `url` restores the view that a URL states. */
export function go(place: Place, url: UrlState = EMPTY): void {
  const { page, study } = getState();
  if (samePlace(place, { page, study })) return;
  leave();
  leave = () => {};
  wanted = null;
  const { session, studies, imageId, info, preview, shown, playing, views, loading } = INITIAL;
  const { probe, pinned, measurements, cameras, camera3d } = INITIAL;
  const viewer = { session, studies, imageId, info, preview, shown, playing, views, loading };
  patch({ ...place, ...viewer, probe, pinned, measurements, cameras, camera3d, errors: [] });
  if (place.study !== null) openStudy(place.study, url);
}

function openStudy(study: string, url: UrlState): void {
  turnTo(study);
  patch({ table: { ...getState().table, last: study } });
  const here = () => getState().study === study;
  const failed = (error: unknown) => here() && report(error, 'study');
  const take = (session: Session) => here() && takeSession(session);
  if (url.imageId) void openImage(url.imageId, url);
  if (!getState().presets) void loadPresets();
  if (!getState().hanging) void loadRules();
  archive.open(study).then((session) => {
    if (!here()) return;
    takeSession(session);
    leave = followSession(take, failed);
  }, failed);
}

/** Starts the page: what the server wrote into it, the URL's view, then the session's changes. */
export function start(boot: Boot, hash: string): () => void {
  const url = decodeHash(hash);
  if (boot.node !== null) {
    patch({ node: boot.node });
    go(decodePlace(hash), url);
    return () => leave();
  }
  if (boot.session) patch({ session: boot.session });
  if (boot.preview) {
    const { image_id: imageId, data_url, label } = boot.preview;
    patch({ preview: { imageId, url: data_url, label } });
  }
  const first = url.imageId ?? boot.preview?.image_id;
  if (first) void openImage(first, url.imageId ? url : EMPTY);
  void refreshStudies();
  void loadPresets();
  void loadRules();
  return followSession(takeSession, (error) => report(error, 'session'));
}

async function loadPresets(): Promise<void> {
  try {
    patch({ presets: await api.presets() });
  } catch (error) {
    report(error, 'presets');
  }
}

/** Adds folders or files of the server's machine; true where the server took them. */
export async function openPaths(paths: string[]): Promise<boolean> {
  try {
    takeSession(await api.open(paths));
    return true;
  } catch (error) {
    report(error, paths.join(', '));
    return false;
  }
}

export async function uploadFiles(files: DroppedFile[]): Promise<void> {
  if (files.length === 0) return;
  if (getState().node !== null) {
    await addToArchive(files);
    return;
  }
  try {
    takeSession(await api.upload(files));
  } catch (error) {
    report(error, `upload of ${files.length} files`);
  }
}

async function addToArchive(files: DroppedFile[]): Promise<void> {
  try {
    const { refused } = await archive.add(files);
    for (const what of refused.slice(0, 3)) {
      change(addError, { what: 'A file was not added', where: what, advice: 'Others were.' });
    }
    await listStudies();
  } catch (error) {
    report(error, `adding ${files.length} files`);
  }
}
