/** Length and rectangle annotations: their text, and their numbers in the state. */
import { eventTarget } from '@cornerstonejs/core';
import { annotation, Enums, LengthTool, RectangleROITool, type Types } from '@cornerstonejs/tools';
import { formatNumber, statisticsLines } from '../core/format';
import type { Measurement, ViewName } from '../state/model';
import { getState, patch } from '../state/store';

interface Stats {
  length?: number;
  mean?: number;
  stdDev?: number;
  min?: number;
  max?: number;
  area?: number;
}

interface AnnotationData {
  cachedStats?: Record<string, Stats>;
}

/** Millimetres where the image says how large its pixels are, else pixels. */
function lengthUnit(): 'mm' | 'px' {
  const { info } = getState();
  return info && (info.pixel_spacing !== null || info.grids.stored.space === 'patient')
    ? 'mm'
    : 'px';
}

const statsOf = (data: AnnotationData): Stats => Object.values(data.cachedStats ?? {})[0] ?? {};

const number = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

export function lengthLines(data: AnnotationData): string[] | undefined {
  const length = number(statsOf(data).length);
  return length === null ? undefined : [`${formatNumber(length)} ${lengthUnit()}`];
}

export function rectangleLines(data: AnnotationData): string[] | undefined {
  const s = statsOf(data);
  const [mean, sd, min, max, area] = [s.mean, s.stdDev, s.min, s.max, s.area].map(number);
  if (area === null || area === undefined) return undefined;
  const areaUnit = `${lengthUnit()}²`;
  // Colour images have no single value: the area is all there is to say.
  if (mean == null || sd == null || min == null || max == null) {
    return [`area ${formatNumber(area)} ${areaUnit}`];
  }
  const unit = getState().info?.value.unit ?? '';
  return statisticsLines({ mean, sd, min, max, area, areaUnit, unit });
}

function measurement(item: Types.Annotation): Measurement | null {
  const kind = item.metadata?.toolName === LengthTool.toolName ? 'length' : 'rectangle';
  const s = statsOf(item.data as AnnotationData);
  const length = kind === 'length' ? number(s.length) : null;
  const area = kind === 'rectangle' ? number(s.area) : null;
  if (length === null && area === null) return null;
  const reference = item.metadata?.referencedImageId?.split('/');
  const unit = lengthUnit();
  return {
    id: item.annotationUID ?? '',
    kind,
    view: getState().activeView as ViewName,
    slice: reference ? Number(reference.at(-1)) : null,
    length,
    mean: number(s.mean),
    sd: number(s.stdDev),
    min: number(s.min),
    max: number(s.max),
    area,
    lengthUnit: unit,
    areaUnit: `${unit}²`,
    unit: getState().info?.value.unit ?? '',
  };
}

const NAMES: string[] = [LengthTool.toolName, RectangleROITool.toolName];

function collect(): void {
  const views = new Map(getState().measurements.map((m) => [m.id, m.view]));
  const measurements = annotation.state
    .getAllAnnotations()
    .filter((item) => NAMES.includes(item.metadata?.toolName ?? ''))
    .map(measurement)
    .filter((m) => m !== null)
    .map((m) => ({ ...m, view: views.get(m.id) ?? m.view }));
  if (JSON.stringify(measurements) !== JSON.stringify(getState().measurements)) {
    patch({ measurements });
  }
}

/** The colours of the page for what is drawn on the views. */
export function styleAnnotations(): void {
  const { style } = annotation.config;
  const known = style.getDefaultToolStyles();
  const [color, marked] = ['#5eead4', '#fde68a'];
  style.setDefaultToolStyles({
    ...known,
    global: {
      ...known.global,
      color,
      colorHighlighted: marked,
      colorSelected: color,
      lineWidth: '1.5',
      textBoxColor: color,
      textBoxColorHighlighted: marked,
      textBoxColorSelected: color,
      textBoxFontFamily: 'system-ui, sans-serif',
      textBoxFontSize: '13px',
    },
  });
}

/** Keeps the state's list of measurements in step with what is drawn. */
export function followAnnotations(): void {
  const { ANNOTATION_COMPLETED, ANNOTATION_MODIFIED, ANNOTATION_REMOVED } = Enums.Events;
  for (const name of [ANNOTATION_COMPLETED, ANNOTATION_MODIFIED, ANNOTATION_REMOVED]) {
    eventTarget.addEventListener(name, () => queueMicrotask(collect));
  }
}

export function removeMeasurement(id: string): void {
  annotation.state.removeAnnotation(id);
  collect();
}

export function removeAllMeasurements(): void {
  annotation.state.removeAllAnnotations();
  collect();
}
