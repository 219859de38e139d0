import { Modal } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { Header } from '../data/types';
import { report } from '../state/store';
import { HeaderView } from './HeaderView';

interface Props {
  opened: boolean;
  onClose: () => void;
  /** Asks for the header; called once each time the dialog opens. */
  load: () => Promise<Header>;
  label: string;
}

/** The header of an object that holds no image. */
export function HeaderDialog({ opened, onClose, load, label }: Props) {
  const [header, setHeader] = useState<Header | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: opening decides, not what is passed
  useEffect(() => {
    if (!opened) return;
    setHeader(null);
    load().then(setHeader, (error) => {
      report(error, label);
      onClose();
    });
  }, [opened]);

  return (
    <Modal
      opened={opened}
      onClose={onClose}
      size="xl"
      title={header?.title ?? 'Header'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <HeaderView header={header} />
    </Modal>
  );
}
