/** Putting a volume preset onto the actor of the 3D view. */
import type { Types } from '@cornerstonejs/core';
import vtkPiecewiseFunction from '@kitware/vtk.js/Common/DataModel/PiecewiseFunction';
import vtkColorTransferFunction from '@kitware/vtk.js/Rendering/Core/ColorTransferFunction';
import type vtkVolume from '@kitware/vtk.js/Rendering/Core/Volume';
import { transferFunctions } from '../core/transfer';
import type { ImageInfo, VolumePreset } from '../data/types';

/** The presets' opacity is the share of light held back by this length. */
const UNIT_DISTANCE_MM = 1;

const COMPOSITE = 0;
const MAXIMUM = 1;

export function applyPreset(
  viewport: Types.IVolumeViewport,
  preset: VolumePreset,
  relative: readonly [number, number],
  shift: number,
): void {
  const actor = viewport.getDefaultActor()?.actor as vtkVolume | undefined;
  if (!actor) return;
  const { mode, color, opacity } = transferFunctions(preset, relative, shift);
  const colors = vtkColorTransferFunction.newInstance();
  for (const [x, r, g, b] of color) colors.addRGBPoint(x, r, g, b);
  const opacities = vtkPiecewiseFunction.newInstance();
  for (const [x, a] of opacity) opacities.addPoint(x, a);
  const property = actor.getProperty();
  property.setRGBTransferFunction(0, colors);
  property.setScalarOpacity(0, opacities);
  property.setScalarOpacityUnitDistance(0, UNIT_DISTANCE_MM);
  property.setInterpolationTypeToLinear();
  property.setUseGradientOpacity(0, false);
  property.setShade(preset.shade && mode === 'composite');
  property.setAmbient(0.2);
  property.setDiffuse(0.9);
  property.setSpecular(0.25);
  property.setSpecularPower(12);
  // A projection's ground is the colour of its lowest values (white for inverted PET).
  const [, red, green, blue] = mode === 'mip' ? color[0]! : [0, 0, 0, 0];
  viewport.getRenderer().setBackground(red, green, blue);
  const mapper = actor.getMapper() as unknown as { setBlendMode(mode: number): void };
  mapper.setBlendMode(mode === 'mip' ? MAXIMUM : COMPOSITE);
}

/** The wanted preset, else the image's own, else the first there is. */
export function choosePreset(
  presets: VolumePreset[],
  name: string | null,
  info: ImageInfo | null,
): VolumePreset | undefined {
  const wanted = [name, ...(info?.volume_presets ?? [])];
  return wanted.map((n) => presets.find((p) => p.name === n)).find(Boolean) ?? presets[0];
}
