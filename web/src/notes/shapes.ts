/**
 * Shapes in a plane: control points from presses, outlines, lengths, areas, angles.
 *
 * Points are in space (LPS mm, or mm or px of the image); a plane has unit vectors to the right and down.
 */
import {
  add,
  clamp,
  cross,
  dot,
  norm,
  scale,
  sub,
  unit,
  type Vec2,
  type Vec3,
} from '../core/vector';
import type { NoteKind } from '../data/types';

export interface Plane {
  origin: Vec3;
  right: Vec3;
  down: Vec3;
}

export const normalOf = (plane: Plane): Vec3 => unit(cross(plane.right, plane.down));

export const toPlane = (plane: Plane, point: Vec3): Vec2 => {
  const p = sub(point, plane.origin);
  return [dot(p, plane.right), dot(p, plane.down)];
};

export const fromPlane = (plane: Plane, [u, v]: Vec2): Vec3 =>
  add(plane.origin, add(scale(plane.right, u), scale(plane.down, v)));

const middle = (a: Vec3, b: Vec3): Vec3 => scale(add(a, b), 0.5);
export const distance = (a: Vec3, b: Vec3): number => norm(sub(a, b));

/** Control points of a shape that was drawn by these presses. */
export function shapeOf(kind: NoteKind, presses: Vec3[], plane: Plane): Vec3[] {
  if (kind === 'rectangle' || kind === 'ellipse') return boxed(kind, presses, plane);
  if (kind === 'bidirectional' && presses.length >= 2) {
    const [a, b] = presses as [Vec3, Vec3];
    return [a, b, ...across(a, b, 0.5, plane)];
  }
  return presses;
}

function boxed(kind: NoteKind, presses: Vec3[], plane: Plane): Vec3[] {
  const [a, b] = [toPlane(plane, presses[0]!), toPlane(plane, presses.at(-1)!)];
  const [left, right] = [Math.min(a[0], b[0]), Math.max(a[0], b[0])];
  const [top, bottom] = [Math.min(a[1], b[1]), Math.max(a[1], b[1])];
  const [u, v] = [(left + right) / 2, (top + bottom) / 2];
  const corners: Vec2[] =
    kind === 'rectangle'
      ? [
          [left, top],
          [right, top],
          [right, bottom],
          [left, bottom],
        ]
      : [
          [left, v],
          [right, v],
          [u, top],
          [u, bottom],
        ];
  return corners.map((corner) => fromPlane(plane, corner));
}

/** A short axis at right angles through the middle of a long one. */
function across(a: Vec3, b: Vec3, share: number, plane: Plane): [Vec3, Vec3] {
  const half = scale(cross(normalOf(plane), sub(b, a)), share / 2);
  const center = middle(a, b);
  return [sub(center, half), add(center, half)];
}

/** Control points after one of them was dragged to `to`. */
export function reshape(kind: NoteKind, points: Vec3[], index: number, to: Vec3): Vec3[] {
  if (kind === 'rectangle') return dragCorner(points, index, to);
  if (kind === 'ellipse') return dragAxis(points, index, to);
  if (kind === 'bidirectional') return dragDiameter(points, index, to);
  if (kind === 'sphere' && index === 0) return points.map((p) => add(p, sub(to, points[0]!)));
  return points.map((p, n) => (n === index ? to : p));
}

/** The opposite corner stays, and so do the directions of the sides. */
function dragCorner(points: Vec3[], index: number, to: Vec3): Vec3[] {
  const [a, b, , d] = points as [Vec3, Vec3, Vec3, Vec3];
  const [along, down] = [unit(sub(b, a)), unit(sub(d, a))];
  const fixed = points[(index + 2) % 4]!;
  const diagonal = sub(to, fixed);
  const side = (direction: Vec3): Vec3 =>
    add(fixed, scale(direction, dot(diagonal, direction) || 1e-6));
  const [next, previous] = index % 2 === 0 ? [side(down), side(along)] : [side(along), side(down)];
  const out = [...points];
  out[index] = to;
  out[(index + 1) % 4] = next;
  out[(index + 3) % 4] = previous;
  return out;
}

/** The other end of the dragged axis stays; the other axis keeps its length, through the new middle. */
function dragAxis(points: Vec3[], index: number, to: Vec3): Vec3[] {
  const other = index ^ 1;
  const direction = unit(sub(points[index]!, points[other]!));
  const length = dot(sub(to, points[other]!), direction);
  const moved = add(points[other]!, scale(direction, Math.max(length, 1e-3)));
  const shift = sub(middle(moved, points[other]!), middle(points[index]!, points[other]!));
  return points.map((p, n) => (n === index ? moved : n === other ? p : add(p, shift)));
}

/**
 * An end of the long axis takes the short one along, at right angles and in proportion; an end of the
 * short axis moves across the long one and along it.
 */
function dragDiameter(points: Vec3[], index: number, to: Vec3): Vec3[] {
  const [a, b, c, d] = points as [Vec3, Vec3, Vec3, Vec3];
  if (index < 2) {
    const [p, q] = index === 0 ? [to, b] : [a, to];
    const old = sub(b, a);
    const at = dot(sub(middle(c, d), a), old) / Math.max(dot(old, old), 1e-12);
    const spread = sub(d, c);
    const normal = unit(cross(old, spread));
    const direction = unit(cross(normal, sub(q, p)));
    const size = (norm(spread) * distance(p, q)) / Math.max(norm(old), 1e-9);
    const offset = dot(sub(middle(c, d), add(a, scale(old, at))), unit(spread));
    const center = add(add(p, scale(sub(q, p), at)), scale(direction, offset));
    return [p, q, sub(center, scale(direction, size / 2)), add(center, scale(direction, size / 2))];
  }
  const long = sub(b, a);
  const at = clamp(dot(sub(to, a), long) / Math.max(dot(long, long), 1e-12), 0, 1);
  const foot = add(a, scale(long, at));
  const direction = unit(sub(d, c));
  const [near, far] = index === 2 ? [to, d] : [c, to];
  const on = (p: Vec3): Vec3 => add(foot, scale(direction, dot(sub(p, foot), direction)));
  return [a, b, on(near), on(far)];
}

/** Points of a closed Catmull-Rom spline through its knots, `STEPS` a segment. */
const STEPS = 16;

export function splineOutline(knots: Vec3[]): Vec3[] {
  const n = knots.length;
  if (n < 3) return knots;
  const out: Vec3[] = [];
  for (let s = 0; s < n; s++) {
    const [p0, p1, p2, p3] = [-1, 0, 1, 2].map((d) => knots[(s + d + n) % n]!) as Vec3[];
    for (let step = 0; step < STEPS; step++) out.push(catmullRom(p0!, p1!, p2!, p3!, step / STEPS));
  }
  return out;
}

function catmullRom(p0: Vec3, p1: Vec3, p2: Vec3, p3: Vec3, t: number): Vec3 {
  const along = (axis: 0 | 1 | 2): number => {
    const [a, b, c, d] = [p0[axis], p1[axis], p2[axis], p3[axis]];
    const cubic = (3 * b - a - 3 * c + d) * t;
    return 0.5 * (2 * b + t * (c - a + t * (2 * a - 5 * b + 4 * c - d + cubic)));
  };
  return [along(0), along(1), along(2)];
}

/** The closed outline of a region, for drawing; ellipses as 72 points. */
export function outlineOf(kind: NoteKind, points: Vec3[]): Vec3[] {
  if (kind === 'spline') return splineOutline(points);
  if (kind !== 'ellipse') return points;
  const { center, first, second } = ellipseOf(points);
  return Array.from({ length: 72 }, (_, n) => {
    const angle = (n * Math.PI) / 36;
    return add(center, add(scale(first, Math.cos(angle)), scale(second, Math.sin(angle))));
  });
}

export function ellipseOf(points: Vec3[]): { center: Vec3; first: Vec3; second: Vec3 } {
  const [a, b, c, d] = points as [Vec3, Vec3, Vec3, Vec3];
  return { center: middle(a, b), first: scale(sub(b, a), 0.5), second: scale(sub(d, c), 0.5) };
}

export const pathLength = (points: Vec3[], closed = false): number =>
  points.reduce((sum, p, n) => {
    if (n === 0) return closed ? distance(p, points.at(-1)!) : 0;
    return sum + distance(points[n - 1]!, p);
  }, 0);

/** Area inside a closed outline in a plane (half the length of the summed cross products). */
export function polygonArea(points: Vec3[]): number {
  let sum: Vec3 = [0, 0, 0];
  const base = points[0]!;
  for (let n = 1; n + 1 < points.length; n++) {
    sum = add(sum, cross(sub(points[n]!, base), sub(points[n + 1]!, base)));
  }
  return norm(sum) / 2;
}

const degrees = (a: Vec3, b: Vec3): number =>
  (Math.acos(clamp(dot(unit(a), unit(b)), -1, 1)) * 180) / Math.PI;

/** Angle at the middle point, 0..180 degrees. */
export const angleAt = (a: Vec3, vertex: Vec3, b: Vec3): number =>
  degrees(sub(a, vertex), sub(b, vertex));

/** Angle between two lines, 0..90 degrees. */
export function cobbAngle(a: Vec3, b: Vec3, c: Vec3, d: Vec3): number {
  const found = degrees(sub(b, a), sub(d, c));
  return Math.min(found, 180 - found);
}

/** Leaves out points of a drawn line that lie closer than `least` to the one before. */
export function thinned(points: Vec3[], least: number): Vec3[] {
  const out: Vec3[] = [];
  for (const p of points) if (out.length === 0 || distance(out.at(-1)!, p) >= least) out.push(p);
  return out;
}

/** Whether a point of the plane lies inside a closed outline (even-odd rule). */
export function insidePolygon(outline: Vec2[], [x, y]: Vec2): boolean {
  let inside = false;
  for (let n = 0, m = outline.length - 1; n < outline.length; m = n++) {
    const [ax, ay] = outline[n]!;
    const [bx, by] = outline[m]!;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

export const centroid = (points: Vec3[]): Vec3 =>
  scale(
    points.reduce((sum, p) => add(sum, p), [0, 0, 0] as Vec3),
    1 / Math.max(points.length, 1),
  );
