/**
 * The JSON types of the server, as docs/reference/viewer-api.md states them.
 * Every other module takes them from here, so that a generated file can replace the bodies.
 */

export type Kind = 'volume' | 'stack' | 'picture' | 'cine';
export type GridName = 'stored' | 'regular';
export type ValueType = 'uint8' | 'int16' | 'uint16' | 'float32';

export interface ErrorBody {
  what: string;
  where: string;
  advice: string;
}

export interface Session {
  version: string;
  title: string;
  state: 'scanning' | 'ready' | 'failed';
  revision: number;
  progress: { done: number; total: number | null; text: string } | null;
  notice: string;
  error: ErrorBody | null;
}

export interface Finding {
  code: string;
  level: 'info' | 'warning' | 'error';
  where: string;
  text: string;
  reference: string | null;
}

export interface ImageSummary {
  id: string;
  label: string;
  kind: Kind;
  modality: string | null;
  axes: string[];
  shape: number[];
  thumbnail_url: string;
}

export interface Series {
  id: string;
  series_uid: string | null;
  number: number | null;
  description: string;
  modality: string | null;
  body_part: string | null;
  format: string;
  kind: Kind | 'object';
  instance_count: number;
  images: ImageSummary[];
  findings: Finding[];
  object: { type: string; description: string } | null;
}

export interface Study {
  id: string;
  study_uid: string | null;
  description: string;
  date: string | null;
  time: string | null;
  accession: string | null;
  patient: { name: string; id: string; birth_date: string; sex: string; age: string | null };
  series: Series[];
}

export interface Studies {
  revision: number;
  studies: Study[];
  findings: Finding[];
}

export interface GridInfo {
  shape: [number, number, number];
  affine: number[][] | null;
  slice_origins_mm: [number, number, number][] | null;
  frame_of_reference: string | null;
  etag: string;
  channels: 1 | 3;
  chunk_slices: number;
  chunk_count: number;
  chunk_url: string;
  slice_url: string;
}

export interface WindowPreset {
  name: string;
  center: number;
  width: number;
}

export interface OverlayText {
  corner: 'tl' | 'tr' | 'bl' | 'br';
  text: string;
  identifying: boolean;
}

export interface ImageInfo {
  id: string;
  series_id: string;
  study_id: string;
  label: string;
  kind: Kind;
  modality: string | null;
  axes: string[];
  shape: number[];
  value: {
    dtype: ValueType;
    unit: string;
    meaning: string;
    min: number;
    max: number;
    photometric: 'MONOCHROME1' | 'MONOCHROME2' | 'RGB';
  };
  windows: WindowPreset[];
  volume_presets: string[];
  frame_times_s: number[] | null;
  frame_rate: number | null;
  pixel_spacing: { row_mm: number; column_mm: number; source: string } | null;
  overlay: OverlayText[];
  grids: { stored: GridInfo; regular: GridInfo | null };
  badge: { text: string; codes: string[] } | null;
  findings: Finding[];
  time_points: number;
}

export interface ProbeAnswer {
  value: number | number[] | null;
  stored_value: number | number[] | null;
  unit: string;
  patient_mm: [number, number, number] | null;
  source: { sop_instance_uid: string | null; frame: number | null; file: string } | null;
}

export interface HeaderElement {
  tag: string;
  vr: string;
  keyword: string;
  value: string;
  depth: number;
  identifying: boolean;
}

export interface Header {
  title: string;
  elements: HeaderElement[];
}

export interface VolumePreset {
  name: string;
  label: string;
  mode: 'composite' | 'mip';
  shade: boolean;
  scale: 'value' | 'relative';
  color: [number, number, number, number][];
  opacity: [number, number][];
}

export interface Presets {
  windows: Record<string, WindowPreset[]>;
  volume: VolumePreset[];
}

export interface Boot {
  session: Session | null;
  preview: { image_id: string; data_url: string; label: string } | null;
}
