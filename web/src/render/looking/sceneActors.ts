/** Actors that parts add to views, told apart from the image by their names. */
import type { createVolumeActor, Types } from '@cornerstonejs/core';
import { Enums } from '@cornerstonejs/core';
import vtkPlane from '@kitware/vtk.js/Common/DataModel/Plane';
import type vtkVolume from '@kitware/vtk.js/Rendering/Core/Volume';

export const PREFIX = 'layer ';

export const layerActors = (viewport: Types.IVolumeViewport): Types.ActorEntry[] =>
  viewport.getActors().filter(({ uid }) => uid.startsWith(PREFIX));

interface ClippedMapper {
  addClippingPlane(plane: unknown): void;
  setBlendMode(mode: number): void;
}

/** The actor of this name, made where there is none yet; of a plane it is cut like the image. */
export async function addLayerActor(
  viewport: Types.IVolumeViewport,
  uid: string,
  volumeId: string,
  make: typeof createVolumeActor,
): Promise<vtkVolume | null> {
  const known = viewport.getActor(uid)?.actor as vtkVolume | undefined;
  if (known) return known;
  const { MAXIMUM_INTENSITY_BLEND } = Enums.BlendModes;
  const input = { volumeId, blendMode: MAXIMUM_INTENSITY_BLEND };
  const actor = (await make(input, viewport.element, viewport.id, true)) as unknown as vtkVolume;
  // The view may have gone, or another call may have been faster.
  if (!viewport.getDefaultActor() || viewport.getActor(uid)) return null;
  const mapper = actor.getMapper() as unknown as ClippedMapper;
  mapper.setBlendMode(MAXIMUM_INTENSITY_BLEND);
  if (viewport.type !== Enums.ViewportType.VOLUME_3D) {
    mapper.addClippingPlane(vtkPlane.newInstance());
    mapper.addClippingPlane(vtkPlane.newInstance());
  }
  const { slabThickness } = viewport.getDefaultActor()!;
  viewport.addActor({ uid, actor: actor as never, referencedId: volumeId, slabThickness });
  return actor;
}
