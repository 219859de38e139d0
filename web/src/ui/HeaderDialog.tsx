import { Modal, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { api } from '../data/api';
import type { Header } from '../data/types';
import { report } from '../state/store';
import { useMedvox } from './useMedvox';

/** The header of the shown slice, searchable; identifying elements follow the hide key. */
export function HeaderDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const info = useMedvox((s) => s.info);
  const slice = useMedvox((s) => s.slice);
  const time = useMedvox((s) => s.time);
  const hidden = useMedvox((s) => s.hidePatient);
  const [header, setHeader] = useState<Header | null>(null);
  const [search, setSearch] = useState('');

  useEffect(() => {
    if (!opened || !info) return;
    setHeader(null);
    api.header(info.id, time, slice).then(setHeader, (error) => {
      report(error, info.label);
      onClose();
    });
  }, [opened, info, time, slice, onClose]);

  const needle = search.toLowerCase();
  const rows = (header?.elements ?? []).filter((e) =>
    `${e.tag} ${e.keyword} ${hidden && e.identifying ? '' : e.value}`
      .toLowerCase()
      .includes(needle),
  );
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      size="xl"
      title={header?.title ?? 'Header'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <TextInput
        aria-label="Search the header"
        placeholder="Search tag, name or value"
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
        mb="sm"
        data-autofocus
      />
      <table className="header-table">
        <thead>
          <tr>
            <th>Tag</th>
            <th>VR</th>
            <th>Name</th>
            <th>Value</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((element, n) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a tag may stand several times in sequences
            <tr key={n}>
              <td style={{ paddingLeft: 8 + 14 * element.depth }}>{element.tag}</td>
              <td>{element.vr}</td>
              <td>{element.keyword}</td>
              <td>{hidden && element.identifying ? 'hidden' : element.value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Modal>
  );
}
