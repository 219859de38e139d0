/** Notes drawn over one view as SVG; it also knows what lies under the pointer. */
import { Enums } from '@cornerstonejs/core';
import { add, dot, scale, sub, type Vec2, type Vec3 } from '../../core/vector';
import type { Note } from '../../data/types';
import { KINDS } from '../../notes/kinds';
import { nearestSlice } from '../../notes/sampling';
import { centroid, distance, outlineOf, shapeOf } from '../../notes/shapes';
import { notesOf } from '../../notes/state';
import { noteLines } from '../../notes/words';
import type { Viewer } from '../../render/viewer';
import type { ViewName } from '../../state/model';
import { getState, watch } from '../../state/store';
import { type Target, targetOf } from './target';

const SVG = 'http://www.w3.org/2000/svg';
export const USUAL_COLOR = '#5eead4';
const SELECTED = '#fde68a';
const HANDLE_PX = 9;
const LINE_PX = 6;
const LINE_HEIGHT = 15;

interface Drawn {
  note: Note;
  handles: Vec2[];
  lines: Vec2[][];
}

export interface Hit {
  note: Note;
  /** Control point, or -1 for the line itself. */
  handle: number;
}

export class NotesLayer {
  private readonly viewer: Viewer;
  private readonly view: ViewName;
  private readonly element: HTMLElement;
  private readonly svg = document.createElementNS(SVG, 'svg');
  private drawn: Drawn[] = [];
  private frame = 0;
  private readonly stops: (() => void)[];

  constructor(viewer: Viewer, view: ViewName, element: HTMLElement) {
    this.viewer = viewer;
    this.view = view;
    this.element = element;
    this.svg.setAttribute('class', 'svg-layer notes-layer');
    this.svg.setAttribute('aria-hidden', 'true');
    element.append(this.svg);
    const redraw = () => this.schedule();
    const { IMAGE_RENDERED, CAMERA_MODIFIED } = Enums.Events;
    for (const name of [IMAGE_RENDERED, CAMERA_MODIFIED]) element.addEventListener(name, redraw);
    this.stops = [
      watch((s) => s.notes, redraw),
      watch((s) => s.slice, redraw),
      watch((s) => s.time, redraw),
      () => {
        for (const name of [IMAGE_RENDERED, CAMERA_MODIFIED]) {
          element.removeEventListener(name, redraw);
        }
      },
    ];
    this.schedule();
  }

  close(): void {
    for (const stop of this.stops) stop();
    cancelAnimationFrame(this.frame);
    this.svg.remove();
  }

  /** The note under a canvas point; handles before lines, the selected note before others. */
  hit(at: Vec2): Hit | null {
    const { selected } = getState().notes;
    const order = [...this.drawn].sort(
      (a, b) => Number(b.note.id === selected) - Number(a.note.id === selected),
    );
    for (const { note, handles } of order) {
      const handle = handles.findIndex((p) => apart(p, at) <= HANDLE_PX);
      if (handle >= 0 && note.kind !== 'freehand') return { note, handle };
    }
    const found = order.find(({ lines }) => lines.some((line) => nearLine(line, at) <= LINE_PX));
    return found ? { note: found.note, handle: -1 } : null;
  }

  private schedule(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const target = targetOf(this.viewer, this.view);
    const nodes: SVGElement[] = [];
    this.drawn = [];
    if (target) {
      const { notes } = getState();
      for (const note of visibleNotes(target)) {
        const drawn = project(note, target);
        this.drawn.push(drawn);
        nodes.push(this.group(drawn, note.id === notes.selected));
      }
      const { draft } = notes;
      if (draft && draft.view === this.view) nodes.push(this.draftGroup(target));
    }
    this.svg.replaceChildren(...nodes);
  }

  private draftGroup(target: Target): SVGElement {
    const { kind, points } = getState().notes.draft!;
    const whole = points.length > 1 || KINDS[kind].presses === 1;
    const note = { kind, points: whole ? shapeOf(kind, points, target.plane) : points } as Note;
    const lines = whole ? project(note, target).lines : [];
    const group = node('g', { stroke: SELECTED, fill: 'none', 'data-draft': kind });
    for (const line of lines) group.append(path(line));
    for (const p of points) group.append(dot2(target.toCanvas(p), SELECTED));
    return group;
  }

  private group({ note, handles, lines }: Drawn, selected: boolean): SVGElement {
    const color = note.color || USUAL_COLOR;
    const width = selected ? '2.5' : '1.6';
    const group = node('g', { stroke: color, fill: 'none', 'stroke-width': width });
    group.dataset.note = note.id;
    group.dataset.kind = note.kind;
    for (const line of lines) group.append(path(line));
    if (note.kind === 'arrow') group.append(path(arrowHead(handles)));
    const marks = selected || note.kind === 'probe';
    if (marks && note.kind !== 'freehand') for (const p of handles) group.append(dot2(p, color));
    const texts = noteLines(note);
    if (texts.length > 0) group.append(this.label(texts, lines.flat(), color));
    return group;
  }

  private label(texts: string[], points: Vec2[], color: string): SVGElement {
    const right = points.reduce((best, p) => (p[0] > best[0] ? p : best), points[0] ?? [0, 0]);
    const left = points.reduce((best, p) => (p[0] < best[0] ? p : best), points[0] ?? [0, 0]);
    const room = Math.max(...texts.map((t) => t.length)) * 7 + 14;
    const { clientWidth, clientHeight } = this.element;
    const flip = right[0] + room > clientWidth && left[0] - room > 0;
    const [x, y] = flip
      ? [left[0] - 10, left[1]]
      : [Math.min(right[0] + 10, clientWidth - room), right[1]];
    const top = Math.min(Math.max(y, 14), clientHeight - LINE_HEIGHT * texts.length);
    const text = node('text', {
      class: 'note-text',
      fill: color,
      stroke: 'none',
      'text-anchor': flip ? 'end' : 'start',
    });
    texts.forEach((line, n) => {
      const span = node('tspan', { x: fixed(x), y: fixed(top + n * LINE_HEIGHT) });
      span.textContent = line;
      text.append(span);
    });
    return text;
  }
}

const fixed = (x: number): string => x.toFixed(1);

function node(name: string, attributes: Record<string, string>): SVGElement {
  const made = document.createElementNS(SVG, name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const path = (points: Vec2[]): SVGElement =>
  node('polyline', { points: points.map(([x, y]) => `${fixed(x)},${fixed(y)}`).join(' ') });

const dot2 = ([x, y]: Vec2, fill: string): SVGElement =>
  node('circle', { cx: fixed(x), cy: fixed(y), r: '4', fill, stroke: '#000', 'stroke-width': '1' });

const apart = (a: Vec2, b: Vec2): number => Math.hypot(a[0] - b[0], a[1] - b[1]);

function nearLine(line: Vec2[], at: Vec2): number {
  if (line.length === 1) return apart(line[0]!, at);
  let least = Number.POSITIVE_INFINITY;
  for (let n = 1; n < line.length; n++) {
    const [a, b] = [line[n - 1]!, line[n]!];
    const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    const t = ((at[0] - a[0]) * dx + (at[1] - a[1]) * dy) / Math.max(dx * dx + dy * dy, 1e-9);
    const s = Math.min(1, Math.max(0, t));
    least = Math.min(least, apart(at, [a[0] + s * dx, a[1] + s * dy]));
  }
  return least;
}

function arrowHead([tip, tail]: Vec2[]): Vec2[] {
  if (!tip || !tail) return [];
  const angle = Math.atan2(tail[1] - tip[1], tail[0] - tip[0]);
  const barb = (turn: number): Vec2 => [
    tip[0] + 12 * Math.cos(angle + turn),
    tip[1] + 12 * Math.sin(angle + turn),
  ];
  return [barb(0.4), tip, barb(-0.4)];
}

/** Notes of the shown image that lie in the plane of the view. */
export function visibleNotes(target: Target): Note[] {
  return notesOf(getState().notes, target.info.series_id).filter(
    (note) => !note.hidden && note.points.length > 0 && liesIn(note, target),
  );
}

function liesIn(note: Note, target: Target): boolean {
  const { info, plane, normal, slice, time } = target;
  if (note.image_id !== info.id || note.space !== target.space) return false;
  if (info.time_points > 1 && note.time !== time) return false;
  if (note.space === 'image') return note.slice === slice;
  const center = note.kind === 'sphere' ? note.points[0]! : centroid(note.points);
  const away = Math.abs(dot(sub(center, plane.origin), normal));
  if (note.kind === 'sphere') return away < distance(note.points[0]!, note.points[1]!);
  const anywhere = note.kind === 'probe' || note.kind === 'text';
  if (!anywhere && note.normal && Math.abs(dot(note.normal, normal)) < 0.9995) return false;
  if (slice !== null && target.whole) return nearestSlice(target.whole, center) === slice;
  return away <= target.step / 2 + 1e-3;
}

/** Where a note's handles and lines are on the canvas. */
function project(note: Note, target: Target): Drawn {
  const { kind, points } = note;
  const handles = points.map((p) => target.toCanvas(p));
  const at = (indices: number[]): Vec2[] => indices.map((n) => handles[n]!).filter(Boolean);
  switch (kind) {
    case 'cobb':
      return { note, handles, lines: [at([0, 1]), at([2, 3])].filter((l) => l.length > 1) };
    case 'bidirectional':
      return { note, handles, lines: [at([0, 1]), at([2, 3])].filter((l) => l.length > 1) };
    case 'sphere':
      return sphere(note, target);
    case 'rectangle':
    case 'ellipse':
    case 'freehand':
    case 'spline': {
      const outline = outlineOf(kind, points).map((p) => target.toCanvas(p));
      return { note, handles, lines: [[...outline, outline[0]!]] };
    }
    default:
      return { note, handles, lines: [handles] };
  }
}

/** The circle in which the plane cuts the sphere. */
function sphere(note: Note, target: Target): Drawn {
  const { plane, normal } = target;
  const [center, edge] = note.points as [Vec3, Vec3 | undefined];
  if (!edge) return { note, handles: [target.toCanvas(center)], lines: [] };
  const away = dot(sub(center, plane.origin), normal);
  const radius = Math.sqrt(Math.max(distance(center, edge) ** 2 - away ** 2, 0));
  const middle = sub(center, scale(normal, away));
  const circle = Array.from({ length: 65 }, (_, n) => {
    const angle = (n * Math.PI) / 32;
    const right = scale(plane.right, radius * Math.cos(angle));
    return target.toCanvas(add(middle, add(right, scale(plane.down, radius * Math.sin(angle)))));
  });
  const inPlane = Math.abs(away) <= target.step / 2;
  return {
    note,
    handles: inPlane ? note.points.map((p) => target.toCanvas(p)) : [],
    lines: [circle],
  };
}
