/** Outlines of segments by plane: asked for once, the ones used last are kept. */
import { dot } from '../../core/vector';
import { api } from '../../data/api';
import type { PlaneOutlines } from '../../data/types';
import { report } from '../../state/store';
import type { Target } from '../notes/target';

const MOST_KEPT = 300;
const MOST_ASKED = 4;

const kept = new Map<string, PlaneOutlines>();
const asked = new Set<string>();
/** Planes that the server refused are not asked for again. */
const NOTHING: PlaneOutlines = { segments: [] };

/** A stored slice, or the plane of the view by its normal and its point nearest to the origin. */
export function planeOf({ slice, plane, normal }: Target): Record<string, number> {
  if (slice !== null) return { k: slice };
  const depth = dot(plane.origin, normal);
  const [nx, ny, nz] = normal.map((n) => Number(n.toFixed(7)));
  const [x, y, z] = normal.map((n) => Number((n * depth).toFixed(4)));
  return { x: x!, y: y!, z: z!, nx: nx!, ny: ny!, nz: nz! };
}

/** The outlines where they are there; else null, and `arrived` is called when it pays to ask again. */
export function outlinesIn(
  imageId: string,
  object: string,
  plane: Record<string, number>,
  arrived: () => void,
): PlaneOutlines | null {
  const key = `${imageId} ${object} ${Object.values(plane).join(' ')}`;
  const known = kept.get(key);
  if (known) {
    kept.delete(key);
    kept.set(key, known);
    return known;
  }
  if (!asked.has(key) && asked.size < MOST_ASKED) {
    asked.add(key);
    void ask(imageId, object, plane, key);
  }
  waiting.add(arrived);
  return null;
}

const waiting = new Set<() => void>();

async function ask(
  imageId: string,
  object: string,
  plane: Record<string, number>,
  key: string,
): Promise<void> {
  let found = NOTHING;
  try {
    found = await api.outlines(imageId, object, plane);
  } catch (error) {
    report(error, 'outlines of segments');
  }
  asked.delete(key);
  kept.set(key, found);
  for (const oldest of kept.keys()) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
  }
  const told = [...waiting];
  waiting.clear();
  for (const arrived of told) arrived();
}

/** Forgets all, where the files may have changed. */
export function forgetOutlines(): void {
  kept.clear();
}
