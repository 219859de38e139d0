import { Button, Checkbox, Loader, NativeSelect } from '@mantine/core';
import { IconCalendarOff, IconPhoto } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { formatClock, formatDate, formatName } from '../../core/format';
import type { Procedures, ScheduledStep } from '../../data/types';
import { go } from '../../state/actions';
import { loadProcedures, setStep } from '../../state/node';
import { useMedvox } from '../useMedvox';

const REFRESH_MS = 10_000;
const STATUSES: ScheduledStep['status'][] = [
  'SCHEDULED',
  'ARRIVED',
  'READY',
  'STARTED',
  'DEPARTED',
  'COMPLETED',
  'DISCONTINUED',
];
const LEVEL: Record<string, string> = {
  STARTED: 'info',
  'IN PROGRESS': 'info',
  COMPLETED: 'done',
  DISCONTINUED: 'error',
};

/** What is scheduled, and what modalities perform of it. */
export function WorklistPage() {
  const procedures = useMedvox((s) => s.procedures);
  const [ended, setEnded] = useState(false);
  useEffect(() => {
    void loadProcedures(ended);
    const timer = setInterval(() => void loadProcedures(ended), REFRESH_MS);
    return () => clearInterval(timer);
  }, [ended]);
  if (!procedures) return <div className="page-empty">{<Loader size="sm" />}</div>;
  return (
    <section className="status" aria-label="Worklist">
      <section className="card" aria-label="Scheduled">
        <div className="card-head">
          <h3>Scheduled</h3>
          <Checkbox
            size="xs"
            label="also what has ended"
            checked={ended}
            onChange={(event) => setEnded(event.currentTarget.checked)}
          />
        </div>
        <Scheduled steps={procedures.scheduled} />
        {procedures.is_cut && <p className="quiet">There are more than are shown here.</p>}
      </section>
      <section className="card" aria-label="Performed">
        <h3>Performed</h3>
        <Performed steps={procedures.performed} />
      </section>
    </section>
  );
}

function Scheduled({ steps }: { steps: ScheduledStep[] }) {
  const hidden = useMedvox((s) => s.hidePatient);
  if (steps.length === 0) {
    return (
      <div className="page-empty">
        <IconCalendarOff size={32} stroke={1.2} />
        <h2>Nothing is scheduled</h2>
        <p>
          <code>medvox serve worklist</code> adds steps, one by one or from a CSV file.
        </p>
      </div>
    );
  }
  return (
    <table className="studies">
      <thead>
        <tr>
          <th>Start</th>
          <th>Patient</th>
          <th>ID</th>
          <th>Modality</th>
          <th>Station</th>
          <th className="fill">Procedure</th>
          <th>Accession</th>
          <th>Status</th>
          <th className="action" aria-label="Images" />
        </tr>
      </thead>
      <tbody>
        {steps.map((step) => (
          <tr key={step.id} data-step={step.id}>
            <td className="digits">
              {formatDate(step.date)} <span className="quiet">{formatClock(step.time)}</span>
            </td>
            <td className="strong">{patientOf(step.patient_name, hidden)}</td>
            <td>{hidden ? '' : step.patient_id}</td>
            <td>
              <span className="chip">{step.modality}</span>
            </td>
            <td>{step.station}</td>
            <td className="fill" title={step.description}>
              {step.description}
            </td>
            <td>{hidden ? '' : step.accession}</td>
            <td>
              <NativeSelect
                size="xs"
                variant="unstyled"
                aria-label="Status"
                className={`step-status ${LEVEL[step.status] ?? ''}`}
                value={step.status}
                data={STATUSES.map((value) => ({ value, label: value.toLowerCase() }))}
                onChange={(event) =>
                  void setStep(step.id, event.currentTarget.value as ScheduledStep['status'])
                }
              />
            </td>
            <td className="action">
              {step.images > 0 && (
                <Button
                  size="compact-xs"
                  variant="light"
                  leftSection={<IconPhoto size={13} />}
                  onClick={() => go({ page: 'viewer', study: step.study_uid })}
                >
                  Open
                </Button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Performed({ steps }: { steps: Procedures['performed'] }) {
  const hidden = useMedvox((s) => s.hidePatient);
  if (steps.length === 0) return <p className="quiet">No modality has reported yet.</p>;
  return (
    <table className="studies">
      <tbody>
        {steps.map((step) => (
          <tr key={step.uid} data-performed={step.uid}>
            <td className="digits">
              {formatDate(step.date)} <span className="quiet">{formatClock(step.time)}</span>
            </td>
            <td className="strong">{patientOf(step.patient_name, hidden)}</td>
            <td>
              <span className="chip">{step.modality}</span>
            </td>
            <td>{step.station}</td>
            <td className="fill">{step.description}</td>
            <td className="action">
              <span className={`chip ${LEVEL[step.status] ?? ''}`}>
                {step.status.toLowerCase()}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const patientOf = (name: string, hidden: boolean): string =>
  hidden ? 'Patient hidden' : formatName(name) || 'No name';
