/** Rotations as unit quaternions, and the three planes that they turn. */
import type { Quaternion } from './look';
import { add, cross, dot, norm, scale, sub, unit, type Vec3 } from './vector';

export const IDENTITY: Quaternion = [0, 0, 0, 1];

/** Rotation by `angle` (radians, right-handed) about a unit axis. */
export function aboutAxis(axis: Vec3, angle: number): Quaternion {
  const s = Math.sin(angle / 2);
  return [axis[0] * s, axis[1] * s, axis[2] * s, Math.cos(angle / 2)];
}

/** First `b`, then `a`; of length one. */
export function compose(a: Quaternion, b: Quaternion): Quaternion {
  const [ax, ay, az, aw] = a;
  const [bx, by, bz, bw] = b;
  const q: Quaternion = [
    aw * bx + ax * bw + ay * bz - az * by,
    aw * by - ax * bz + ay * bw + az * bx,
    aw * bz + ax * by - ay * bx + az * bw,
    aw * bw - ax * bx - ay * by - az * bz,
  ];
  const length = Math.hypot(...q);
  return q.map((c) => c / length) as Quaternion;
}

export function rotate([x, y, z, w]: Quaternion, v: Vec3): Vec3 {
  const axis: Vec3 = [x, y, z];
  const t = scale(cross(axis, v), 2);
  return add(add(v, scale(t, w)), cross(axis, t));
}

export interface PlaneFrame {
  /** From the plane towards the viewer. */
  normal: Vec3;
  up: Vec3;
}

const USUAL: Record<'axial' | 'coronal' | 'sagittal', PlaneFrame> = {
  axial: { normal: [0, 0, -1], up: [0, -1, 0] },
  coronal: { normal: [0, -1, 0], up: [0, 0, 1] },
  sagittal: { normal: [1, 0, 0], up: [0, 0, 1] },
};

/**
 * Where a turned plane looks and what is up in it. A turn about the plane's own normal leaves its
 * picture as it is: up stays as near to the usual direction as the plane allows.
 */
export function planeFrame(
  plane: 'axial' | 'coronal' | 'sagittal',
  rotation: Quaternion | null,
): PlaneFrame {
  const usual = USUAL[plane];
  if (!rotation) return usual;
  const normal = unit(rotate(rotation, usual.normal));
  const inPlane = sub(usual.up, scale(normal, dot(usual.up, normal)));
  return { normal, up: norm(inPlane) > 0.2 ? unit(inPlane) : unit(rotate(rotation, usual.up)) };
}
