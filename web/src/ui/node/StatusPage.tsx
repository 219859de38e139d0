import { Alert, Button, Loader, Progress } from '@mantine/core';
import { IconRefresh, IconUserCheck } from '@tabler/icons-react';
import { type ReactNode, useEffect } from 'react';
import { formatAgo, formatBytes, formatCount } from '../../core/format';
import type { NodeStatus } from '../../data/types';
import { acceptCaller, loadNodes, loadStatus, retryTask } from '../../state/node';
import { useMedvox } from '../useMedvox';
import { EchoButton } from './EchoButton';
import { TransferList } from './Transfers';

const REFRESH_MS = 3000;

/** What the node says of itself: storage, queues, failures, refused callers, remote nodes. */
export function StatusPage() {
  const status = useMedvox((s) => s.status);
  useEffect(() => {
    void loadStatus();
    void loadNodes();
    const timer = setInterval(() => void loadStatus(), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  if (!status) return <div className="page-empty">{<Loader size="sm" />}</div>;
  return (
    <section className="status" aria-label="Status">
      {status.storage.fault && (
        <Alert color="red" title="Nothing can be stored now">
          {status.storage.fault}
        </Alert>
      )}
      <Tiles status={status} />
      <Failures status={status} />
      <Refused status={status} />
      <div className="status-pair">
        <Queues status={status} />
        <Nodes />
      </div>
      <TransferList />
    </section>
  );
}

function Tiles({ status: { node, storage } }: { status: NodeStatus }) {
  const all = storage.used_bytes + (storage.free_bytes ?? 0);
  const share = storage.free_bytes === null ? 0 : (100 * storage.used_bytes) / Math.max(1, all);
  const color = share > 95 ? 'red' : share > 85 ? 'yellow' : undefined;
  return (
    <div className="tiles">
      <Tile label="Storage" value={formatBytes(storage.used_bytes)}>
        {storage.free_bytes !== null && (
          <>
            <Progress value={share} color={color} size="sm" aria-label="Share of the disk used" />
            <span className="quiet">{formatBytes(storage.free_bytes)} free</span>
          </>
        )}
      </Tile>
      <Tile label="Studies" value={formatCount(storage.studies)}>
        <span className="quiet">
          {formatCount(storage.series)} series, {formatCount(storage.instances)} images
        </span>
      </Tile>
      <Tile label="Associations" value={formatCount(node.associations)}>
        <span className="quiet">
          {node.dicom_port ? `${node.aet} on port ${node.dicom_port}` : 'DICOM is not listened to'}
        </span>
      </Tile>
      <Tile label="Started" value={formatAgo(node.started_s)}>
        <span className="quiet">
          medvox {node.version}
          {storage.waiting > 0 && `, ${formatCount(storage.waiting)} to be indexed`}
        </span>
      </Tile>
    </div>
  );
}

function Tile({ label, value, children }: { label: string; value: string; children: ReactNode }) {
  return (
    <div className="tile">
      <h3>{label}</h3>
      <strong>{value}</strong>
      {children}
    </div>
  );
}

function Card({ title, empty, children }: { title: string; empty?: string; children: ReactNode }) {
  return (
    <section className="card" aria-label={title}>
      <h3>{title}</h3>
      {empty ? <p className="quiet">{empty}</p> : children}
    </section>
  );
}

function Queues({ status: { queues } }: { status: NodeStatus }) {
  return (
    <Card title="Queues" empty={queues.length === 0 ? 'There are none.' : undefined}>
      <table className="studies">
        <thead>
          <tr>
            <th className="fill">Kind</th>
            <th className="number">Waiting</th>
            <th className="number">Running</th>
            <th className="number">Failed</th>
          </tr>
        </thead>
        <tbody>
          {queues.map((queue) => (
            <tr key={queue.name}>
              <td className="fill">{queue.name}</td>
              <td className="number">{queue.waiting}</td>
              <td className="number">{queue.running}</td>
              <td className={queue.failed ? 'number ill' : 'number'}>{queue.failed}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Failures({ status: { failures } }: { status: NodeStatus }) {
  return (
    <Card title="Failures" empty={failures.length === 0 ? 'Nothing has failed.' : undefined}>
      <table className="studies">
        <tbody>
          {failures.map((task) => (
            <tr key={task.id} data-failure={task.id}>
              <td>
                <span className="chip error">{task.queue}</span>
              </td>
              <td className="strong" title={task.what}>
                {task.what}
              </td>
              <td className="fill" title={task.reason}>
                {task.reason}
              </td>
              <td className="quiet digits">
                {task.tries} tries, {formatAgo(task.last_s)}
              </td>
              <td className="action">
                <Button
                  size="compact-xs"
                  variant="light"
                  leftSection={<IconRefresh size={13} />}
                  onClick={() => void retryTask(task.id)}
                >
                  Retry
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Refused({ status: { refused } }: { status: NodeStatus }) {
  return (
    <Card title="Refused callers" empty={refused.length === 0 ? 'Nobody was refused.' : undefined}>
      <table className="studies">
        <tbody>
          {refused.map((caller) => (
            <tr key={caller.id} data-refused={caller.id}>
              <td className="strong">{caller.ae_title}</td>
              <td className="digits">{caller.address}</td>
              <td className="fill" title={caller.reason}>
                {caller.reason}
              </td>
              <td className="quiet digits">
                {caller.times} times, {formatAgo(caller.last_s)}
              </td>
              <td className="action">
                <Button
                  size="compact-xs"
                  variant="light"
                  leftSection={<IconUserCheck size={13} />}
                  onClick={() => void acceptCaller(caller.id)}
                >
                  Accept
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Nodes() {
  const nodes = useMedvox((s) => s.remote.nodes);
  return (
    <Card title="Remote nodes" empty={nodes?.length ? undefined : 'None are named in medvox.toml.'}>
      <table className="studies">
        <tbody>
          {nodes?.map((node) => (
            <tr key={node.name}>
              <td className="strong">{node.name}</td>
              <td className="fill digits">
                {node.ae_title} · {node.host}:{node.port}
              </td>
              <td className="action">
                <EchoButton node={node.name} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
