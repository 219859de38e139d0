import { Modal, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { Header } from '../data/types';
import { report } from '../state/store';
import { useMedvox } from './useMedvox';

interface Props {
  opened: boolean;
  onClose: () => void;
  /** Asks for the header; called once each time the dialog opens. */
  load: () => Promise<Header>;
  label: string;
}

/** A header as a table that can be searched; identifying elements follow the hide key. */
export function HeaderDialog({ opened, onClose, load, label }: Props) {
  const hidden = useMedvox((s) => s.hidePatient);
  const [header, setHeader] = useState<Header | null>(null);
  const [search, setSearch] = useState('');

  // biome-ignore lint/correctness/useExhaustiveDependencies: opening decides, not what is passed
  useEffect(() => {
    if (!opened) return;
    setHeader(null);
    load().then(setHeader, (error) => {
      report(error, label);
      onClose();
    });
  }, [opened]);

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
