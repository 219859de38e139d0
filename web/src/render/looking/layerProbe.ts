/** What the layers hold at the voxel under the pointer. */
import { nearestVoxel } from '../../core/geometry';
import { displayScale } from '../../core/uptake';
import type { Probe } from '../../state/model';
import { getState, patch, watch } from '../../state/store';
import type { Fusion } from './fusion';

export function followProbe(fusion: Fusion): void {
  watch(
    (s) => s.probe,
    (probe) => read(fusion, probe),
  );
}

function read(fusion: Fusion, probe: Probe | null): void {
  const point = probe?.patientMm;
  const values = Object.fromEntries(
    (point ? fusion.layers() : []).flatMap(({ layer, held: { info, display } }) => {
      const voxel = nearestVoxel(display.geometry, point!);
      if (!voxel || !display.source.store.hasSlice(0, voxel[0])) return [];
      const value = display.value(...voxel);
      const { factor, unit } = displayScale(info.value);
      const suv = factor === 1 ? null : { value: value * factor, unit };
      return [[layer.id, { value, unit: info.value.unit, label: info.label, suv }]];
    }),
  );
  const known = getState().layerValues;
  if (JSON.stringify(known) !== JSON.stringify(values)) patch({ layerValues: values });
}
