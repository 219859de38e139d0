/** All parts that look at images beyond window and position; loaded once the first views stand. */
import type { Viewer } from '../viewer';
import { Fusion } from './fusion';
import { followProbe } from './layerProbe';
import { Library } from './library';
import { Panes } from './panes';
import { Planes } from './planes';
import { Solid } from './solid';
import { StackPicture } from './stackPicture';

export interface Looking {
  library: Library;
  fusion: Fusion;
  panes: Panes;
}

let looking: Looking | null = null;

/** The parts, once they are loaded. */
export const lookingParts = (): Looking | null => looking;

export function startLooking(viewer: Viewer): Looking {
  if (looking) return looking;
  const library = new Library(viewer);
  const fusion = new Fusion(viewer, library);
  const panes = new Panes(viewer, library);
  looking = { library, fusion, panes };
  viewer.addPart({ mounted: () => {}, forgotten: () => library.clear() });
  const planes = new Planes(viewer);
  fusion.onChanged = () => planes.slabs();
  viewer.addPart(planes);
  viewer.addPart(fusion);
  viewer.addPart(panes);
  viewer.addPart(new Solid(viewer));
  viewer.addPart(new StackPicture(viewer));
  followProbe(fusion);
  return looking;
}
