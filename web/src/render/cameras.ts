/** Reading, comparing and moving the cameras of views. */
import type { Types } from '@cornerstonejs/core';
import type { PlaneCamera, VolumeCamera } from '../core/hash';
import { add, dot, scale, sub, type Vec3 } from '../core/vector';

type AnyViewport = Types.IStackViewport | Types.IVolumeViewport;

const close = (a: number, b: number): boolean => Math.abs(a - b) < 1e-3 * Math.max(1, Math.abs(a));

export function sameCamera(a: PlaneCamera, b: PlaneCamera): boolean {
  return (
    close(a.zoom, b.zoom) &&
    Math.abs(a.pan[0] - b.pan[0]) < 0.5 &&
    Math.abs(a.pan[1] - b.pan[1]) < 0.5
  );
}

export function volumeCamera(viewport: AnyViewport): VolumeCamera {
  const { position, focalPoint, viewUp, parallelScale } = viewport.getCamera();
  return {
    position: [...(position as Vec3)],
    focalPoint: [...(focalPoint as Vec3)],
    viewUp: [...(viewUp as Vec3)],
    parallelScale: parallelScale!,
  };
}

export function sameVolumeCamera(a: VolumeCamera, b: VolumeCamera): boolean {
  const flat = (c: VolumeCamera) => [...c.position, ...c.focalPoint, ...c.viewUp, c.parallelScale];
  const other = flat(b);
  return flat(a).every((x, n) => close(x, other[n]!));
}

/** Moves a plane along its normal so that it cuts through the point. */
export function movePlane(viewport: AnyViewport, point: Vec3): void {
  const { focalPoint, position, viewPlaneNormal } = viewport.getCamera();
  const normal = viewPlaneNormal as Vec3;
  const offset = dot(sub(point, focalPoint as Vec3), normal);
  if (Math.abs(offset) < 1e-4) return;
  viewport.setCamera({
    focalPoint: add(focalPoint as Vec3, scale(normal, offset)),
    position: add(position as Vec3, scale(normal, offset)),
  });
  viewport.render();
}
