/** The viewer's own mouse tools; all of them only change the state, the views follow it. */
import { getEnabledElement } from '@cornerstonejs/core';
import { BaseTool, type Types as ToolTypes } from '@cornerstonejs/tools';
import { clamp, type Vec3 } from '../core/vector';
import { dragWindow, roundWindow, type Window } from '../core/window';
import type { ViewName } from '../state/model';
import { scrollView, setCursor } from '../state/reducers';
import { change, getState, patch } from '../state/store';

const MOUSE = { supportedInteractionTypes: ['Mouse', 'Touch'] as ('Mouse' | 'Touch')[] };

type Drag = ToolTypes.EventTypes.MouseDragEventType;
type Wheel = ToolTypes.EventTypes.MouseWheelEventType;

const viewOf = (event: { detail: { element: HTMLDivElement } }): ViewName =>
  getEnabledElement(event.detail.element)!.viewport.id as ViewName;

/** Dragging changes width (left, right) and center (up, down). */
export class WindowDragTool extends BaseTool {
  static override toolName = 'MedvoxWindow';

  constructor(props = {}) {
    super(props, MOUSE);
  }

  mouseDragCallback(event: Drag): void {
    const { window, info } = getState();
    if (!window || !info) return;
    const [dx, dy] = event.detail.deltaPoints.canvas;
    const next: Window = dragWindow(window, dx, dy, info.value.max - info.value.min);
    patch({ window: roundWindow(next) });
  }

  touchDragCallback(event: Drag): void {
    this.mouseDragCallback(event);
  }
}

/** In the 3D view: dragging left and right moves the preset along the values. */
export class ShiftDragTool extends BaseTool {
  static override toolName = 'MedvoxShift';

  constructor(props = {}) {
    super(props, MOUSE);
  }

  mouseDragCallback(event: Drag): void {
    const { shift, info } = getState();
    if (!info) return;
    const range = info.value.max - info.value.min;
    const next = shift + (event.detail.deltaPoints.canvas[0] * range) / 1500;
    patch({ shift: Number(clamp(next, -range, range).toPrecision(5)) });
  }
}

/** Dragging moves the linked crosshair with the pointer. */
export class CrosshairTool extends BaseTool {
  static override toolName = 'MedvoxCrosshair';

  constructor(props = {}) {
    super(props, MOUSE);
  }

  mouseDragCallback(event: Drag): void {
    const view = viewOf(event);
    if (view === 'stack' || view === 'volume') return;
    change(setCursor, event.detail.currentPoints.world as Vec3);
  }
}

/** The wheel goes through slices, or through time where there is one slice. */
export class ScrollTool extends BaseTool {
  static override toolName = 'MedvoxScroll';

  constructor(props = {}) {
    super(props, MOUSE);
  }

  mouseWheelCallback(event: Wheel): void {
    change(scrollView, viewOf(event), event.detail.wheel.direction);
  }
}
