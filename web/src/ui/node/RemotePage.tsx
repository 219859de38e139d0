import { Button, Loader } from '@mantine/core';
import { IconDownload, IconNetworkOff, IconPhoto, IconSearch } from '@tabler/icons-react';
import { type SubmitEvent, useEffect } from 'react';
import { formatDate, formatName } from '../../core/format';
import type { RemoteStudy, Transfer } from '../../data/types';
import { go } from '../../state/actions';
import {
  chooseNode,
  followTransfers,
  loadNodes,
  searchRemote,
  setRemoteSearch,
  transfer,
} from '../../state/node';
import { useMedvox } from '../useMedvox';
import { EchoButton } from './EchoButton';
import { SearchFields } from './SearchFields';
import { TransferBar, TransferList } from './Transfers';

/** Remote nodes: choose one, search it, retrieve, open. */
export function RemotePage() {
  const { nodes, node, search, found, loading } = useMedvox((s) => s.remote);
  useEffect(() => {
    void loadNodes();
    void followTransfers();
  }, []);
  if (nodes?.length === 0) {
    return (
      <div className="page-empty">
        <IconNetworkOff size={36} stroke={1.2} />
        <h2>No remote nodes</h2>
        <p>
          Name them in <code>medvox.toml</code>, a section <code>[[nodes]]</code> each.
        </p>
      </div>
    );
  }
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void searchRemote();
  };
  return (
    <section className="remote" aria-label="Remote nodes">
      <nav className="remote-nodes" aria-label="Nodes">
        {nodes?.map((one) => (
          <div className="remote-node" key={one.name} data-chosen={one.name === node}>
            <button
              type="button"
              aria-pressed={one.name === node}
              onClick={() => chooseNode(one.name)}
            >
              <span className="strong">{one.name}</span>
              <span className="quiet">
                {one.ae_title} · {one.host}:{one.port}
              </span>
            </button>
            <EchoButton node={one.name} />
          </div>
        ))}
      </nav>
      <div className="page">
        <form onSubmit={submit}>
          <SearchFields search={search} onChange={setRemoteSearch}>
            <Button
              type="submit"
              size="xs"
              leftSection={loading ? <Loader size={13} /> : <IconSearch size={14} />}
              disabled={!node || loading}
            >
              Search {node}
            </Button>
          </SearchFields>
        </form>
        <div className="page-scroll">
          {found && found.studies.length > 0 && <RemoteRows studies={found.studies} />}
          {!(found && found.studies.length > 0) && (
            <div className="page-empty">
              <IconSearch size={36} stroke={1.2} />
              <h2>{found ? 'No study matches' : `Search ${node ?? ''}`}</h2>
              <p>{found ? 'Look for less.' : 'Fill in what you know, then press Enter.'}</p>
            </div>
          )}
        </div>
        {found?.is_cut && (
          <div className="pager">
            Only the first {found.studies.length} are shown: look for more.
          </div>
        )}
        <TransferList />
      </div>
    </section>
  );
}

function RemoteRows({ studies }: { studies: RemoteStudy[] }) {
  return (
    <table className="studies">
      <thead>
        <tr>
          <th>Patient</th>
          <th>ID</th>
          <th>Date</th>
          <th>Modality</th>
          <th className="fill">Description</th>
          <th className="number">Images</th>
          <th className="action" aria-label="Retrieve" />
        </tr>
      </thead>
      <tbody>
        {studies.map((study) => (
          <RemoteRow key={study.study_uid} study={study} />
        ))}
      </tbody>
    </table>
  );
}

function RemoteRow({ study }: { study: RemoteStudy }) {
  const hidden = useMedvox((s) => s.hidePatient);
  const node = useMedvox((s) => s.remote.node);
  const moving = useMedvox((s) => s.transfers.find((t) => isOf(t, study, s.remote.node)));
  const shown = (text: string) => (hidden ? '' : text);
  const name = hidden ? 'Patient hidden' : formatName(study.patient_name) || 'No name';
  const whole = study.held > 0 && study.held >= (study.instances ?? 1);
  return (
    <tr data-remote={study.study_uid}>
      <td className="strong" title={name}>
        {name}
      </td>
      <td title={shown(study.patient_id)}>{shown(study.patient_id)}</td>
      <td className="digits">{shown(formatDate(study.date))}</td>
      <td>
        {study.modalities.map((modality) => (
          <span className="chip" key={modality}>
            {modality}
          </span>
        ))}
      </td>
      <td className="fill" title={study.description}>
        {study.description}
      </td>
      <td className="number">
        {study.held > 0 && !whole ? `${study.held} / ` : ''}
        {study.instances ?? '–'}
      </td>
      <td className="action">
        {moving ? (
          <TransferBar transfer={moving} />
        ) : (
          <>
            {study.held > 0 && (
              <Button
                size="compact-xs"
                leftSection={<IconPhoto size={13} />}
                onClick={() => go({ page: 'viewer', study: study.study_uid })}
              >
                Open
              </Button>
            )}
            {!whole && node && (
              <Button
                size="compact-xs"
                variant="light"
                leftSection={<IconDownload size={13} />}
                onClick={() => void transfer('retrieve', node, study.study_uid)}
              >
                Retrieve
              </Button>
            )}
          </>
        )}
      </td>
    </tr>
  );
}

const isOf = (t: Transfer, study: RemoteStudy, node: string | null): boolean =>
  t.kind === 'retrieve' &&
  t.node === node &&
  t.study_uid === study.study_uid &&
  (t.state === 'waiting' || t.state === 'running');
