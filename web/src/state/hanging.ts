/** Hanging rules: how an image is shown when it is opened, and what belongs beside it. */
import { api } from '../data/api';
import type { HangingRule, ImageInfo, ImageSummary, Series, Studies, Study } from '../data/types';
import { addOverlay, newLayer, setPane, setTableSize } from './look';
import type { State } from './model';
import { hasPlanes, setLayout } from './reducers';
import { change, getState, patch, report } from './store';

export interface Placed {
  image: ImageSummary;
  series: Series;
  study: Study;
}

export function allImages(studies: Studies | null): Placed[] {
  return (studies?.studies ?? []).flatMap((study) =>
    study.series.flatMap((series) => series.images.map((image) => ({ image, series, study }))),
  );
}

export const findImage = (studies: Studies | null, id: string | null): Placed | undefined =>
  allImages(studies).find(({ image }) => image.id === id);

/** Volumes that may lie over an image: those of its frame of reference; without any, of its study. */
export function layable(studies: Studies | null, id: string | null): Placed[] {
  const placed = findImage(studies, id);
  if (placed?.image.kind !== 'volume') return [];
  const frame = placed.image.frame_of_reference;
  return allImages(studies).filter(
    ({ image, study }) =>
      image.id !== id &&
      image.kind === 'volume' &&
      image.frame_of_reference === frame &&
      (frame !== null || study.id === placed.study.id),
  );
}

/** Images of the same modality in earlier studies of the same patient, the latest first. */
export function priors(studies: Studies | null, id: string | null): Placed[] {
  const placed = findImage(studies, id);
  if (!placed) return [];
  const { study, image, series } = placed;
  const patient = study.patient.id || study.patient.name;
  return allImages(studies)
    .filter(
      (other) =>
        other.study.id !== study.id &&
        patient !== '' &&
        (other.study.patient.id || other.study.patient.name) === patient &&
        other.image.modality === image.modality &&
        other.image.kind === image.kind &&
        (other.series.body_part ?? '') === (series.body_part ?? '') &&
        (other.study.date ?? '') <= (study.date ?? ''),
    )
    .sort((a, b) => (b.study.date ?? '').localeCompare(a.study.date ?? ''));
}

type Word = string | null | undefined;

const same = (a: Word, b: Word): boolean => (a ?? '').toUpperCase() === (b ?? '').toUpperCase();

/** The first rule that fits the opened image. */
export function matchingRule(state: State): HangingRule | undefined {
  const { hanging, info, studies } = state;
  if (!hanging || !info) return undefined;
  const body = findImage(studies, info.id)?.series.body_part ?? null;
  const others = layable(studies, info.id);
  return hanging.find(
    (rule) =>
      (!rule.modality || same(rule.modality, info.modality)) &&
      (!rule.body_part || same(rule.body_part, body)) &&
      (!rule.with || others.some(({ image }) => same(image.modality, rule.with))),
  );
}

/** The image whose rule has been followed, and which rule. */
let hung: { imageId: string; rule: HangingRule } | null = null;
/** True while the image still shows as it was opened, so that a late rule does not undo the user. */
let fresh: string | null = null;

export function followRules(imageId: string, asked: boolean): void {
  hung = null;
  fresh = asked ? null : imageId;
  hang();
}

/** Follows the rule of the opened image once it, the list and the rules are there. */
export function hang(): void {
  const state = getState();
  const { info } = state;
  if (!info || fresh !== info.id) return;
  const rule = matchingRule(state);
  if (!rule || (hung?.imageId === info.id && hung.rule === rule)) return;
  hung = { imageId: info.id, rule };
  applyRule(rule, info);
}

export function applyRule(rule: HangingRule, info: ImageInfo): void {
  const { layout, center, width, preset, overlay, rows, columns } = rule;
  if (center != null && width != null) patch({ window: { center, width } });
  if (preset) patch({ preset });
  const studies = getState().studies;
  const other = layable(studies, info.id).find(({ image }) => same(image.modality, rule.with));
  if (overlay && other) {
    const { opacity, colormap, lower, upper, threshold = null } = overlay;
    const range: [number, number] | null = lower != null && upper != null ? [lower, upper] : null;
    const looks = { opacity, colormap, range, threshold };
    change(addOverlay, { ...newLayer(other.image.id), ...looks });
  }
  if (rows && columns) change(setTableSize, rows, columns);
  const beside = rule.beside === 'prior' ? priors(studies, info.id)[0] : other;
  if (rule.beside && rule.beside !== 'same' && beside) {
    change(setPane, 1, { imageId: beside.image.id });
  }
  if (!layout) return;
  const shows = layout === 'stack' || layout === 'grid' || hasPlanes(info);
  if (shows && layout !== getState().layout) change(setLayout, layout);
}

export async function loadRules(): Promise<void> {
  try {
    patch({ hanging: await api.hanging() });
    hang();
  } catch (error) {
    report(error, 'hanging rules');
  }
}

/** Keeps how the screen looks now as the rule for images like this one. */
export async function saveRule(withBodyPart: boolean): Promise<void> {
  const state = getState();
  const { info, layout, window, preset, look, studies } = state;
  if (!info) return;
  const body = findImage(studies, info.id)?.series.body_part ?? null;
  const layer = look.overlays.find((o) => o.visible);
  const other = layer ? findImage(studies, layer.imageId)?.image.modality : null;
  const second = look.table.panes[1]?.imageId;
  const grid = layout === 'grid';
  const isPrior = priors(studies, info.id).some(({ image }) => image.id === second);
  const words = [info.modality ?? 'Image', withBodyPart ? (body ?? '') : '', other ?? ''];
  const rule: HangingRule = {
    name: words.filter(Boolean).join(' '),
    modality: info.modality,
    body_part: withBodyPart ? body : null,
    with: other ?? null,
    layout,
    rows: grid ? look.table.rows : null,
    columns: grid ? look.table.columns : null,
    beside: grid && second ? (isPrior ? 'prior' : 'with') : null,
    center: window?.center ?? null,
    width: window?.width ?? null,
    preset,
    overlay:
      layer && other
        ? {
            opacity: layer.opacity,
            colormap: layer.colormap,
            lower: layer.range?.[0] ?? null,
            upper: layer.range?.[1] ?? null,
            threshold: layer.threshold,
          }
        : null,
    own: true,
  };
  try {
    patch({ hanging: await api.saveHanging(rule) });
  } catch (error) {
    report(error, 'hanging rules');
  }
}

export async function removeRule(name: string): Promise<void> {
  try {
    patch({ hanging: await api.removeHanging(name) });
  } catch (error) {
    report(error, 'hanging rules');
  }
}
