/** Putting the look of a layer onto its actor. */
import vtkPiecewiseFunction from '@kitware/vtk.js/Common/DataModel/PiecewiseFunction';
import vtkColorTransferFunction from '@kitware/vtk.js/Rendering/Core/ColorTransferFunction';
import type vtkVolume from '@kitware/vtk.js/Rendering/Core/Volume';
import { colorPoints, findTable, labelColor } from '../../core/colormap';
import type { OverlayLayer } from '../../core/look';
import type { ColorMap, ImageInfo } from '../../data/types';
import { layerRange, layerThreshold } from '../../state/look';

interface Mapper {
  getSampleDistance(): number;
}

const mapperOf = (actor: vtkVolume): Mapper => actor.getMapper() as unknown as Mapper;

/** A projection or a plane takes one sample: its opacity is used as it is, at any step. */
export function exactOpacity(actor: vtkVolume): void {
  actor.getProperty().setScalarOpacityUnitDistance(0, mapperOf(actor).getSampleDistance());
}

export function applyLayer(
  actor: vtkVolume,
  layer: OverlayLayer,
  info: ImageInfo,
  tables: readonly ColorMap[],
): void {
  if (layer.kind === 'labels') applyLabels(actor, layer, info);
  else applyImage(actor, layer, info, tables);
  exactOpacity(actor);
}

function applyImage(
  actor: vtkVolume,
  layer: OverlayLayer,
  info: ImageInfo,
  tables: readonly ColorMap[],
): void {
  const [lower, upper] = layerRange(layer, info);
  const colors = vtkColorTransferFunction.newInstance();
  for (const [x, r, g, b] of colorPoints(findTable(tables, layer.colormap), lower, upper)) {
    colors.addRGBPoint(x, r, g, b);
  }
  const threshold = layerThreshold(layer, info);
  const top = Math.max(upper, threshold + 1e-6);
  const step = (top - threshold) * 1e-3;
  const opacities = vtkPiecewiseFunction.newInstance();
  opacities.addPoint(threshold - step, 0);
  opacities.addPoint(threshold, layer.opacity);
  opacities.addPoint(top, layer.opacity);
  const property = actor.getProperty();
  property.setRGBTransferFunction(0, colors);
  property.setScalarOpacity(0, opacities);
  property.setInterpolationTypeToLinear();
}

/** Numbers of a label map up to this one have a colour of their own. */
const MOST_LABELS = 255;

function applyLabels(actor: vtkVolume, layer: OverlayLayer, info: ImageInfo): void {
  const colors = vtkColorTransferFunction.newInstance();
  const opacities = vtkPiecewiseFunction.newInstance();
  const last = Math.min(MOST_LABELS, Math.max(1, Math.round(info.value.max)));
  opacities.addPoint(0.499, 0);
  for (let number = 1; number <= last; number++) {
    const segment = layer.segments.find((s) => s.number === number);
    const [r, g, b] = segment?.color ?? labelColor(number);
    const opacity = segment?.visible === false ? 0 : layer.opacity;
    for (const x of [number - 0.499, number + 0.499]) {
      colors.addRGBPoint(x, r, g, b);
      opacities.addPoint(x, opacity);
    }
  }
  const property = actor.getProperty();
  property.setRGBTransferFunction(0, colors);
  property.setScalarOpacity(0, opacities);
  property.setInterpolationTypeToNearest();
}
