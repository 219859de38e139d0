/** Which mouse button does what, per view and chosen tool. */
import {
  addTool,
  Enums,
  init,
  PanTool,
  ToolGroupManager,
  TrackballRotateTool,
  ZoomTool,
} from '@cornerstonejs/tools';
import type { Vec3 } from '../core/vector';
import { ENGINE_ID, type Viewer } from '../render/viewer';
import type { ToolName, ViewName } from '../state/model';
import { setCursor } from '../state/reducers';
import { change, getState, patch, watch } from '../state/store';
import { CrosshairTool, ScrollTool, ShiftDragTool, WindowDragTool } from './dragTools';
import { followDrawing } from './notes/drawing';
import { measureLate } from './notes/values';
import { pinProbe, probeAt } from './probe';
import { followSegments } from './segments/follow';

const { MouseBindings, KeyboardBindings } = Enums;
const PLANAR = 'medvox-planar';
const SOLID = 'medvox-solid';

/** The Cornerstone3D tool behind each choice; what draws notes does without one. */
const BEHIND: Partial<Record<ToolName, string>> = {
  window: WindowDragTool.toolName,
  crosshair: CrosshairTool.toolName,
  pan: PanTool.toolName,
  zoom: ZoomTool.toolName,
};

export function startTools(viewer: Viewer): void {
  init();
  for (const tool of [WindowDragTool, ShiftDragTool, CrosshairTool, ScrollTool]) addTool(tool);
  for (const tool of [PanTool, ZoomTool, TrackballRotateTool]) {
    addTool(tool);
  }
  const planar = ToolGroupManager.createToolGroup(PLANAR)!;
  for (const name of Object.values(BEHIND)) planar.addTool(name);
  planar.addTool(ScrollTool.toolName);
  const solid = ToolGroupManager.createToolGroup(SOLID)!;
  for (const tool of [TrackballRotateTool, ShiftDragTool, PanTool, ZoomTool]) {
    solid.addTool(tool.toolName);
  }
  // The viewer chooses the sampling itself.
  solid.setToolConfiguration(TrackballRotateTool.toolName, { rotateSampleDistanceFactor: 1 });
  bindSolid();
  bindPlanar(getState().tool);
  watch((s) => s.tool, bindPlanar);
  measureLate(viewer);
  viewer.onViews = assignViews;
}

function assignViews(views: ViewName[]): void {
  for (const id of [PLANAR, SOLID]) ToolGroupManager.getToolGroup(id)!.removeViewports(ENGINE_ID);
  for (const view of views) {
    const group = ToolGroupManager.getToolGroup(view === 'volume' ? SOLID : PLANAR)!;
    group.addViewport(view, ENGINE_ID);
  }
}

function bindSolid(): void {
  const group = ToolGroupManager.getToolGroup(SOLID)!;
  const primary = MouseBindings.Primary;
  group.setToolActive(TrackballRotateTool.toolName, { bindings: [{ mouseButton: primary }] });
  group.setToolActive(ShiftDragTool.toolName, {
    bindings: [{ mouseButton: primary, modifierKey: KeyboardBindings.Shift }],
  });
  group.setToolActive(PanTool.toolName, { bindings: [{ mouseButton: MouseBindings.Auxiliary }] });
  group.setToolActive(ZoomTool.toolName, {
    bindings: [{ mouseButton: MouseBindings.Secondary }, { mouseButton: MouseBindings.Wheel }],
  });
}

/** The chosen tool on the first button; pan, zoom and window always on the others. */
function bindPlanar(tool: ToolName): void {
  const group = ToolGroupManager.getToolGroup(PLANAR)!;
  const { Primary, Secondary, Auxiliary, Wheel } = MouseBindings;
  const always: [string, { mouseButton: number; modifierKey?: number }[]][] = [
    [
      PanTool.toolName,
      [{ mouseButton: Auxiliary }, { mouseButton: Primary, modifierKey: KeyboardBindings.Ctrl }],
    ],
    [ZoomTool.toolName, [{ mouseButton: Secondary }]],
    [WindowDragTool.toolName, [{ mouseButton: Primary, modifierKey: KeyboardBindings.Shift }]],
    [ScrollTool.toolName, [{ mouseButton: Wheel }]],
  ];
  const chosen = BEHIND[tool];
  for (const name of Object.values(BEHIND)) group.setToolPassive(name, { removeAllBindings: true });
  for (const [name, bindings] of always) {
    const all = name === chosen ? [{ mouseButton: Primary }, ...bindings] : bindings;
    group.setToolActive(name, { bindings: all as never });
  }
  if (chosen && !always.some(([name]) => name === chosen)) {
    group.setToolActive(chosen, { bindings: [{ mouseButton: Primary }] });
  }
}

const plainPress = (event: MouseEvent): boolean =>
  event.button === 0 && !event.ctrlKey && !event.shiftKey;

/** Reads values under the pointer of one view; returns the function that stops it. */
export function followPointer(viewer: Viewer, view: ViewName, element: HTMLElement): () => void {
  const at = (event: MouseEvent) => {
    const box = element.getBoundingClientRect();
    return probeAt(viewer, view, [event.clientX - box.left, event.clientY - box.top]);
  };
  const move = (event: MouseEvent) => patch({ probe: at(event) });
  const leave = () => patch({ probe: null });
  const down = (event: MouseEvent) => {
    patch({ activeView: view });
    // At once: Cornerstone3D holds a press back until it is sure of no double click.
    if (getState().tool !== 'crosshair' || view === 'stack' || !plainPress(event)) return;
    const box = element.getBoundingClientRect();
    const viewport = viewer.viewport(view);
    const world = viewport?.canvasToWorld([event.clientX - box.left, event.clientY - box.top]);
    if (world && view !== 'volume') change(setCursor, world as Vec3);
  };
  const click = (event: MouseEvent) => {
    if (getState().tool !== 'probe') return;
    const probe = at(event);
    if (probe) void pinProbe(probe);
  };
  const listeners = { mousemove: move, mouseleave: leave, mousedown: down, click } as const;
  for (const [name, listener] of Object.entries(listeners)) {
    element.addEventListener(name, listener as EventListener);
  }
  const stopDrawing = view === 'volume' ? () => {} : followDrawing(viewer, view, element);
  const stopSegments = view === 'volume' ? () => {} : followSegments(viewer, view, element);
  return () => {
    stopSegments();
    stopDrawing();
    for (const [name, listener] of Object.entries(listeners)) {
      element.removeEventListener(name, listener as EventListener);
    }
  };
}
