import { Progress } from '@mantine/core';
import { formatPoint, formatValue } from '../core/format';
import type { Session } from '../data/types';
import type { LayerValue, Probe } from '../state/model';
import { useMedvox } from './useMedvox';

export function StatusBar() {
  const session = useMedvox((s) => s.session);
  const probe = useMedvox((s) => s.probe);
  const factor = useMedvox((s) =>
    s.layout === 'grid' ? null : (s.info?.value.suv_factor ?? null),
  );
  const layers = useMedvox((s) => layerReading(s.layerValues));
  const loading = useMedvox((s) => (s.info ? s.loading.fraction : 1));
  return (
    <footer className="foot">
      <ScanProgress session={session} />
      <span className="reading" data-reading>
        {probe
          ? `${reading(probe, factor)}${layers}`
          : loading < 1
            ? `Loading ${Math.round(loading * 100)} %`
            : ''}
      </span>
      <span className="research">Research use, not for diagnosis</span>
    </footer>
  );
}

function ScanProgress({ session }: { session: Session | null }) {
  if (session?.state !== 'scanning') return null;
  const { done = 0, total = null, text = 'Scanning' } = session.progress ?? {};
  const share = total ? (100 * done) / total : 100;
  return (
    <span style={{ display: 'flex', alignItems: 'center', gap: 8 }} data-scan-progress={done}>
      <Progress value={share} animated={!total} size="sm" w={120} aria-label="Scanning" />
      {total ? `${text} ${done} / ${total}` : `${text} ${done}`}
    </span>
  );
}

/** What the layers over the image hold at the probed voxel. */
function layerReading(values: Record<string, LayerValue>): string {
  const texts = Object.values(values).map(({ label, value, unit, suv }) => {
    const uptake = suv ? ` (${formatValue(suv.value, suv.unit)})` : '';
    return `${label} ${formatValue(value, unit)}${uptake}`;
  });
  return texts.map((text) => `   ·   ${text}`).join('');
}

function reading(probe: Probe, factor: number | null): string {
  const [k, j, i] = probe.voxel;
  const parts = [formatValue(probe.value, probe.unit)];
  if (factor && typeof probe.value === 'number') {
    parts.push(formatValue(probe.value * factor, 'SUVbw'));
  }
  if (probe.patientMm) parts.push(`LPS ${formatPoint(probe.patientMm)} mm`);
  parts.push(`k ${k}  j ${j}  i ${i}`);
  return parts.join('   ·   ');
}
