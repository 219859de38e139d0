/** The three planes as pictures inside the 3D view. */
import type { Types } from '@cornerstonejs/core';
import vtkDataArray from '@kitware/vtk.js/Common/Core/DataArray';
import vtkImageData from '@kitware/vtk.js/Common/DataModel/ImageData';
import vtkPlaneSource from '@kitware/vtk.js/Filters/Sources/PlaneSource';
import vtkActor from '@kitware/vtk.js/Rendering/Core/Actor';
import vtkMapper from '@kitware/vtk.js/Rendering/Core/Mapper';
import vtkTexture from '@kitware/vtk.js/Rendering/Core/Texture';
import '@kitware/vtk.js/Rendering/Profiles/Geometry';
import { type PlanePicture, planePicture } from '../../core/planePicture';
import { planeFrame } from '../../core/rotation';
import { add } from '../../core/vector';
import { toRange } from '../../core/window';
import { PLANES, type Plane } from '../../state/model';
import { getState, watch } from '../../state/store';
import type { Viewer } from '../viewer';

const SIZE = 256;
const WAIT_MS = 120;
const uidOf = (plane: Plane): string => `slice ${plane}`;

export class SceneSlices {
  private readonly viewer: Viewer;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(viewer: Viewer) {
    this.viewer = viewer;
    const later = () => this.later();
    watch((s) => s.look.slices3d, later);
    watch((s) => s.look.rotation, later);
    watch((s) => s.cursor, later);
    watch((s) => s.window, later);
    watch((s) => s.time, later);
  }

  private later(): void {
    const viewport = this.viewport();
    if (!viewport || (!getState().look.slices3d && !viewport.getActor(uidOf('axial')))) return;
    this.timer ??= setTimeout(() => this.update(), WAIT_MS);
  }

  private viewport(): Types.IVolumeViewport | undefined {
    const found = this.viewer.viewport('volume') as Types.IVolumeViewport | undefined;
    return found?.getDefaultActor() ? found : undefined;
  }

  update(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const viewport = this.viewport();
    const display = this.viewer.displayVolume;
    const { look, cursor, window } = getState();
    if (!viewport || !display) return;
    const present = PLANES.map(uidOf).filter((uid) => viewport.getActor(uid));
    if (!look.slices3d && present.length === 0) return;
    if (present.length > 0) viewport.removeActors(present);
    if (look.slices3d && cursor && window) {
      for (const plane of PLANES) {
        const frame = planeFrame(plane, look.rotation);
        const { geometry, shown } = display;
        const at = { point: cursor, ...frame };
        const actor = actorOf(planePicture(shown, geometry, at, toRange(window), SIZE));
        viewport.addActor({ uid: uidOf(plane), actor: actor as never });
      }
    }
    this.viewer.sampling.draw(viewport);
  }
}

function actorOf({ corner, right, up, width, height, pixels }: PlanePicture): vtkActor {
  const source = vtkPlaneSource.newInstance({ xResolution: 1, yResolution: 1 });
  source.setOrigin(...corner);
  source.setPoint1(...add(corner, right));
  source.setPoint2(...add(corner, up));
  const image = vtkImageData.newInstance();
  image.setDimensions(width, height, 1);
  image.getPointData().setScalars(
    vtkDataArray.newInstance({
      numberOfComponents: 4,
      values: new Uint8Array(pixels.buffer),
      name: 'pixels',
    }),
  );
  const texture = vtkTexture.newInstance();
  texture.setInterpolate(true);
  texture.setInputData(image);
  const mapper = vtkMapper.newInstance();
  mapper.setInputConnection(source.getOutputPort());
  const actor = vtkActor.newInstance();
  actor.setMapper(mapper);
  actor.addTexture(texture);
  const property = actor.getProperty();
  property.setLighting(false);
  actor.setForceOpaque(true);
  return actor;
}
