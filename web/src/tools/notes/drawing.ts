/** Drawing and changing notes with mouse, pen or finger. */
import { add, sub, type Vec2, type Vec3 } from '../../core/vector';
import type { Note, NoteKind } from '../../data/types';
import { type DrawnKind, fewest, isDrawn, KINDS } from '../../notes/kinds';
import { distance, reshape, shapeOf, thinned } from '../../notes/shapes';
import { addNote, commit, putNotes } from '../../notes/state';
import type { Viewer } from '../../render/viewer';
import type { ViewName } from '../../state/model';
import { changeNotes } from '../../state/notes';
import { getState, patch } from '../../state/store';
import { askWords } from './askWords';
import { type Hit, NotesLayer } from './layer';
import { noteAt, placed } from './place';
import { type Target, targetOf } from './target';

/** Farther than this, a press and its release are two points. */
const DRAG_PX = 4;
/** Points of a freehand line are at least this far apart. */
const FREEHAND_PX = 2;

interface Press {
  at: Vec2;
  hit: Hit | null;
  /** The note as it was when the drag began. */
  before: Note | null;
  from: Vec3;
  moved: boolean;
}

const plain = (event: MouseEvent): boolean =>
  event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;

/** The series whose notes are those of a view. */
const seriesOf = (target: Target): string => target.info.series_id;

class Pen {
  private press: Press | null = null;
  private fixed: Vec3[] = [];
  private readonly viewer: Viewer;
  private readonly view: ViewName;
  private readonly element: HTMLElement;
  private readonly layer: NotesLayer;

  constructor(viewer: Viewer, view: ViewName, element: HTMLElement) {
    this.viewer = viewer;
    this.view = view;
    this.element = element;
    this.layer = new NotesLayer(viewer, view, element);
  }

  close(): void {
    this.cancel();
    this.layer.close();
  }

  get busy(): boolean {
    return this.press !== null || this.fixed.length > 0;
  }

  /** True where the press is for notes, so that no other tool gets it. */
  down(event: PointerEvent): boolean {
    const { tool } = getState();
    const target = plain(event) ? targetOf(this.viewer, this.view) : null;
    if (!target) return false;
    const at = this.at(event);
    const hit = this.fixed.length === 0 ? this.layer.hit(at) : null;
    if (!hit && !isDrawn(tool)) return false;
    const from = target.toWorld(at);
    patch({ activeView: this.view });
    this.press = { at, hit, before: hit?.note ?? null, from, moved: false };
    this.element.setPointerCapture(event.pointerId);
    if (hit) changeNotes((notes) => ({ ...notes, selected: hit.note.id }));
    else if (isDrawn(tool)) this.begin(tool, from, target);
    return true;
  }

  private begin(kind: DrawnKind, from: Vec3, target: Target): void {
    const first = this.fixed[0];
    const closes = kind === 'spline' && this.fixed.length >= 3 && first;
    if (closes && apart(target.toCanvas(first), target.toCanvas(from)) < 9) {
      this.press = null;
      this.finish(kind, target);
      return;
    }
    this.fixed.push(from);
    this.show(kind, this.fixed);
    if (!KINDS[kind].freehand && this.fixed.length === KINDS[kind].presses) {
      this.press = null;
      this.finish(kind, target);
    }
  }

  move(event: PointerEvent): void {
    const { press } = this;
    const target = press || this.fixed.length > 0 ? targetOf(this.viewer, this.view) : null;
    if (!target) return;
    const at = this.at(event);
    const to = target.toWorld(at);
    if (press && apart(press.at, at) > DRAG_PX) press.moved = true;
    if (press?.hit) {
      if (press.moved) this.drag(press, to, target);
      return;
    }
    const { tool } = getState();
    if (!isDrawn(tool) || this.fixed.length === 0) return;
    if (KINDS[tool].freehand && press) {
      const last = target.toCanvas(this.fixed.at(-1)!);
      if (apart(last, at) >= FREEHAND_PX) this.fixed.push(to);
      this.show(tool, this.fixed);
    } else this.show(tool, [...this.fixed, to]);
  }

  private drag({ hit, before, from }: Press, to: Vec3, target: Target): void {
    if (!hit || !before || before.locked) return;
    const { kind, points } = before;
    const moved =
      hit.handle < 0 || points.length === 1
        ? points.map((p) => add(p, sub(to, from)))
        : reshape(kind, points, hit.handle, to);
    const note = placed(before, moved, target, this.viewer);
    changeNotes((notes) => ({
      ...notes,
      series: {
        ...notes.series,
        [seriesOf(target)]: {
          ...notes.series[seriesOf(target)]!,
          notes: notes.series[seriesOf(target)]!.notes.map((n) => (n.id === note.id ? note : n)),
        },
      },
    }));
  }

  up(event: PointerEvent): void {
    const { press } = this;
    this.press = null;
    const target = press && targetOf(this.viewer, this.view);
    if (!press || !target) return;
    if (press.hit) {
      if (press.moved && press.before) this.endDrag(press.before, target);
      return;
    }
    const { tool } = getState();
    if (!isDrawn(tool) || this.fixed.length === 0) return;
    if (KINDS[tool].freehand) {
      this.finish(tool, target);
      return;
    }
    if (!press.moved) return;
    this.fixed.push(target.toWorld(this.at(event)));
    if (this.fixed.length === KINDS[tool].presses) this.finish(tool, target);
    else this.show(tool, this.fixed);
  }

  private endDrag(before: Note, target: Target): void {
    const seriesId = seriesOf(target);
    const after = getState().notes.series[seriesId]?.notes.find(({ id }) => id === before.id);
    if (after && after !== before) changeNotes(commit, seriesId, [before], [after]);
  }

  /** A double click or Enter: open-ended shapes are complete. */
  complete(): boolean {
    const { tool } = getState();
    const target = targetOf(this.viewer, this.view);
    if (!isDrawn(tool) || !target || KINDS[tool].presses !== 0) return false;
    if (this.fixed.length === 0) return false;
    this.finish(tool, target);
    return true;
  }

  cancel(): boolean {
    if (!this.busy) return false;
    const { press } = this;
    const target = targetOf(this.viewer, this.view);
    if (press?.before && press.moved && target) {
      changeNotes(putNotes, seriesOf(target), [press.before]);
    }
    this.press = null;
    this.forget();
    return true;
  }

  private finish(kind: DrawnKind, target: Target): void {
    const drawn = KINDS[kind].freehand
      ? thinned(this.fixed, 1e-6)
      : withoutRepeats(this.fixed, target);
    this.forget();
    if (drawn.length < fewest(kind) || isEmpty(kind, drawn, target)) return;
    const points = shapeOf(kind, drawn, target.plane);
    const note = noteAt(kind, points, target, this.viewer);
    if (!KINDS[kind].words) {
      changeNotes(addNote, seriesOf(target), note);
      return;
    }
    askWords(this.element, target.toCanvas(points.at(-1)!), (text) => {
      if (text || kind === 'arrow') changeNotes(addNote, seriesOf(target), { ...note, text });
    });
  }

  private show(kind: NoteKind, points: Vec3[]): void {
    changeNotes((notes) => ({ ...notes, draft: { kind, view: this.view, points } }));
  }

  private forget(): void {
    this.fixed = [];
    if (getState().notes.draft) changeNotes((notes) => ({ ...notes, draft: null }));
  }

  private at(event: MouseEvent): Vec2 {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}

const apart = (a: Vec2, b: Vec2): number => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** The second press of a double click adds no point. */
function withoutRepeats(points: Vec3[], target: Target): Vec3[] {
  return points.filter(
    (p, n) => n === 0 || apart(target.toCanvas(points[n - 1]!), target.toCanvas(p)) > 2,
  );
}

/** A press without a drag draws no region. */
function isEmpty(kind: NoteKind, points: Vec3[], target: Target): boolean {
  if (!KINDS[kind].region && kind !== 'length' && kind !== 'bidirectional') return false;
  const [a, b] = [target.toCanvas(points[0]!), target.toCanvas(points.at(-1)!)];
  if (kind === 'rectangle' || kind === 'ellipse') {
    return Math.abs(a[0] - b[0]) < 2 || Math.abs(a[1] - b[1]) < 2;
  }
  return points.length === 2 && distance(points[0]!, points[1]!) === 0;
}

const pens = new Set<Pen>();

/** Lets notes be drawn on one view; returns the function that ends it. */
export function followDrawing(viewer: Viewer, view: ViewName, element: HTMLElement): () => void {
  const pen = new Pen(viewer, view, element);
  pens.add(pen);
  let taken = false;
  const down = (event: PointerEvent) => {
    taken = false;
    if (event.target instanceof HTMLInputElement) return;
    taken = pen.down(event);
    if (taken) event.stopImmediatePropagation();
  };
  const press = (event: Event) => taken && event.stopImmediatePropagation();
  const move = (event: PointerEvent) => pen.move(event);
  const up = (event: PointerEvent) => pen.up(event);
  const double = (event: Event) => {
    if (pen.complete()) event.stopImmediatePropagation();
  };
  const listeners: [string, (event: never) => unknown][] = [
    ['pointerdown', down],
    ['mousedown', press],
    ['touchstart', press],
    ['pointermove', move],
    ['pointerup', up],
    ['pointercancel', () => pen.cancel()],
    ['dblclick', double],
  ];
  for (const [name, listener] of listeners) {
    element.addEventListener(name, listener as EventListener, { capture: true });
  }
  return () => {
    for (const [name, listener] of listeners) {
      element.removeEventListener(name, listener as EventListener, { capture: true });
    }
    pens.delete(pen);
    pen.close();
  };
}

/** Enter and Escape while something is drawn; true where they were used. */
export function drawingKey(key: string): boolean {
  if (key === 'Enter') return [...pens].some((pen) => pen.complete());
  if (key === 'Escape') return [...pens].some((pen) => pen.cancel());
  return false;
}
