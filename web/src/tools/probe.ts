/** Reading values: under the moving pointer at once, and with the source instance on a click. */
import type { Types } from '@cornerstonejs/core';
import type { Vec3 } from '../core/vector';
import { api } from '../data/api';
import { readVoxel } from '../render/readVoxel';
import type { Viewer } from '../render/viewer';
import type { Probe, ViewName } from '../state/model';
import { getState, patch, report } from '../state/store';

/** The voxel under a canvas position of a view. */
export function probeAt(viewer: Viewer, view: ViewName, canvas: Types.Point2): Probe | null {
  const viewport = viewer.viewport(view);
  if (!viewport?.getDefaultActor()) return null;
  return readVoxel(viewer, getState(), view, viewport.canvasToWorld(canvas) as Vec3);
}

/** Shows the probe and asks the server where its value comes from. */
export async function pinProbe(probe: Probe): Promise<void> {
  const { info } = getState();
  if (!info) return;
  patch({ pinned: { ...probe, source: null, storedValue: null, storedIndex: null }, panel: true });
  const [k, j, i] = probe.voxel;
  try {
    const answer = await api.probe(info.id, { grid: probe.grid, t: probe.time, k, j, i });
    if (getState().pinned?.voxel !== probe.voxel) return;
    patch({
      pinned: {
        ...probe,
        value: answer.value ?? probe.value,
        patientMm: answer.patient_mm ?? probe.patientMm,
        storedValue: answer.stored_value,
        storedIndex: answer.stored_index,
        source: answer.source && {
          sopInstanceUid: answer.source.sop_instance_uid,
          frame: answer.source.frame,
          file: answer.source.file,
        },
      },
    });
  } catch (error) {
    report(error, 'probe');
  }
}
