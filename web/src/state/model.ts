/** The whole state of the client as plain, serialisable data. */

import type { Index3 } from '../core/geometry';
import type { Layout, PlaneCamera, VolumeCamera } from '../core/hash';
import { type Look, PLAIN } from '../core/look';
import type { EdgeLetters } from '../core/orientation';
import type { PageName } from '../core/place';
import type { Vec3 } from '../core/vector';
import type { Window } from '../core/window';
import type {
  ErrorBody,
  GridName,
  HangingRule,
  ImageInfo,
  ListedStudies,
  NodeStatus,
  Preferences,
  Presets,
  ProbeValue,
  Procedures,
  RemoteNode,
  RemoteStudies,
  SegmentObject,
  Session,
  Studies,
  Transfer,
} from '../data/types';
import type { DrawnKind } from '../notes/kinds';
import { NO_NOTES, type NotesState } from '../notes/state';

export const PLANES = ['axial', 'coronal', 'sagittal'] as const;
export type Plane = (typeof PLANES)[number];
export type ViewName = 'stack' | Plane | 'volume';
export type ToolName = 'window' | 'crosshair' | 'pan' | 'zoom' | DrawnKind;

export interface Probe {
  view: ViewName;
  grid: GridName;
  /** (k, j, i) */
  voxel: Index3;
  time: number;
  value: ProbeValue;
  unit: string;
  patientMm: Vec3 | null;
}

/** A probe that was clicked, with what the server says of its source. */
export interface PinnedProbe extends Probe {
  source: { sopInstanceUid: string | null; frame: number | null; file: string } | null;
  storedValue: ProbeValue;
  /** (k, j, i) of the nearest stored voxel. */
  storedIndex: Index3 | null;
}

export interface LayerValue {
  value: number;
  unit: string;
  label: string;
  /** The value as SUV, where the header tells what that takes. */
  suv: { value: number; unit: string } | null;
}

/** What the overlay of one view needs; render fills it in after every camera change. */
export interface ViewInfo {
  letters: EdgeLetters | null;
  mmPerPixel: number | null;
  /** Slice index along the view and their number. */
  slice: number | null;
  sliceCount: number | null;
  zoom: number;
  /** Canvas px of the crosshair, null where the view shows none. */
  cross: [number, number] | null;
  /** Where the lines of the other two planes run on the canvas, unit vectors. */
  lines?: Partial<Record<Plane, [number, number]>>;
}

export interface Loading {
  /** Share of the shown time point, 0..1. */
  fraction: number;
  /** Share of all time points, 0..1. */
  timeFraction: number;
}

export interface Capabilities {
  webgl2: boolean;
  software: boolean;
  renderer: string;
  maxTexture3d: number;
}

/** Segments that lie on the shown image. */
export interface SegmentsState {
  /** The image that they lie on; null until they are there. */
  imageId: string | null;
  objects: SegmentObject[];
  /** Keys of the segments that are not drawn. */
  hidden: string[];
  /** Of the fill, 0..1. */
  opacity: number;
}

export const NO_SEGMENTS: SegmentsState = { imageId: null, objects: [], hidden: [], opacity: 0.35 };

/** What studies are looked for, as the server takes it; empty text matches all. */
export interface Search {
  patient_name: string;
  patient_id: string;
  accession: string;
  description: string;
  modality: string;
  first_date: string;
  last_date: string;
}

export const NO_SEARCH: Search = {
  patient_name: '',
  patient_id: '',
  accession: '',
  description: '',
  modality: '',
  first_date: '',
  last_date: '',
};

/** The list of the archive's studies. */
export interface StudyTable {
  search: Search;
  /** Keys of the pages before this one; the last one is that of this page. */
  keys: string[];
  found: ListedStudies | null;
  loading: boolean;
  /** The study that was opened last, for the eye to find it again. */
  last: string | null;
}

/** Remote nodes: which is chosen, what was looked for and found there. */
export interface RemoteTable {
  nodes: RemoteNode[] | null;
  node: string | null;
  search: Search;
  found: RemoteStudies | null;
  loading: boolean;
}

export interface State {
  /** Title of the archive node; null where files were opened. */
  node: string | null;
  page: PageName;
  /** Study Instance UID of the study in the viewer of a node. */
  study: string | null;
  table: StudyTable;
  remote: RemoteTable;
  transfers: Transfer[];
  procedures: Procedures | null;
  status: NodeStatus | null;
  session: Session | null;
  studies: Studies | null;
  presets: Presets | null;
  capabilities: Capabilities | null;

  imageId: string | null;
  info: ImageInfo | null;
  preview: { imageId: string; url: string; label: string } | null;
  /** The stored slices in the stack and single layouts, the regular copy in planes and 3D. */
  layout: Layout;
  tool: ToolName;
  window: Window | null;
  invert: boolean;
  slice: number;
  time: number;
  playing: boolean;
  frameRate: number;
  cursor: Vec3 | null;
  preset: string | null;
  shift: number;
  cameras: Record<string, PlaneCamera>;
  camera3d: VolumeCamera | null;
  look: Look;
  /** Rules of how images are shown when opened; null until they are there. */
  hanging: HangingRule[] | null;
  /** Facts of images beside the opened one: layers over it, panes beside it. */
  others: Record<string, ImageInfo>;
  /** Values of the layers under the pointer, by layer. */
  layerValues: Record<string, LayerValue>;
  activePane: number;
  /** The panel of layers, planes and 3D looks. */
  looking: boolean;

  loading: Loading;
  /** True once the first picture of the image is on the screen. */
  shown: boolean;
  views: Partial<Record<ViewName, ViewInfo>>;
  activeView: ViewName;
  probe: Probe | null;
  pinned: PinnedProbe | null;
  notes: NotesState;
  segments: SegmentsState;
  /** Keys and theme of the user. */
  preferences: Preferences;
  errors: ErrorBody[];

  hidePatient: boolean;
  showOverlay: boolean;
  sidebar: boolean;
  panel: boolean;
  /** The header browser beside the image. */
  header: boolean;
  help: boolean;
}

export const INITIAL: State = {
  node: null,
  page: 'viewer',
  study: null,
  table: { search: NO_SEARCH, keys: [], found: null, loading: false, last: null },
  remote: { nodes: null, node: null, search: NO_SEARCH, found: null, loading: false },
  transfers: [],
  procedures: null,
  status: null,
  session: null,
  studies: null,
  presets: null,
  capabilities: null,
  imageId: null,
  info: null,
  preview: null,
  layout: 'stack',
  tool: 'window',
  window: null,
  invert: false,
  slice: 0,
  time: 0,
  playing: false,
  frameRate: 10,
  cursor: null,
  preset: null,
  shift: 0,
  cameras: {},
  camera3d: null,
  look: PLAIN,
  hanging: null,
  others: {},
  layerValues: {},
  activePane: 0,
  looking: false,
  loading: { fraction: 0, timeFraction: 0 },
  shown: false,
  views: {},
  activeView: 'stack',
  probe: null,
  pinned: null,
  notes: NO_NOTES,
  segments: NO_SEGMENTS,
  preferences: { keys: {}, theme: 'dark' },
  errors: [],
  hidePatient: false,
  showOverlay: true,
  sidebar: true,
  panel: true,
  header: false,
  help: false,
};
