/** Segments that lie on the shown image: their list, what of them is drawn, ways to them. */
import { api } from '../data/api';
import type { SegmentObject } from '../data/types';
import { NO_SEGMENTS, type SegmentsState } from './model';
import { setCursor, setSlice, sliceAt } from './reducers';
import { change, getState, patch, report, watch } from './store';

type Segment = SegmentObject['segments'][number];

export const segmentKey = (object: string, segment: number): string => `${object}/${segment}`;

const set = (part: Partial<SegmentsState>): void =>
  patch({ segments: { ...getState().segments, ...part } });

export const setOpacity = (opacity: number): void => set({ opacity });

/** Draws segments, or draws them no more. */
export function showSegments(keys: string[], shown: boolean): void {
  const others = getState().segments.hidden.filter((key) => !keys.includes(key));
  set({ hidden: shown ? others : [...others, ...keys] });
}

/** Goes to the middle of a segment. */
export function jumpToSegment({ center_mm: center }: Segment): void {
  const { info, layout } = getState();
  if (!info || !center) return;
  if (layout === 'stack') change(setSlice, sliceAt(info, center) ?? getState().slice);
  else change(setCursor, center);
}

/** The image and studies whose segments were asked for last; another layout is no reason to ask again. */
let loaded = '';

async function load(imageId: string): Promise<void> {
  try {
    const objects = await api.segments(imageId);
    if (getState().info?.id === imageId) set({ imageId, objects });
  } catch (error) {
    if (getState().info?.id === imageId) report(error, 'segments');
  }
}

/** The image that is on the screen, and the state of the studies that it was found in. */
const asked = (): string => {
  const { info, shown, studies } = getState();
  return info && shown ? `${info.id} ${studies?.revision ?? 0}` : '';
};

/** Follows the shown image, once its first picture is there; returns the function that ends it. */
export function keepSegments(): () => void {
  return watch(asked, (key) => {
    const { info, segments } = getState();
    const { hidden, opacity } = segments;
    if (segments.imageId !== (info?.id ?? null)) {
      loaded = '';
      patch({ segments: { ...NO_SEGMENTS, hidden, opacity } });
    }
    if (!key || !info || key === loaded || info.grids.stored.space !== 'patient') return;
    loaded = key;
    void load(info.id);
  });
}
