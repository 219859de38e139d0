import { Progress } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconX } from '@tabler/icons-react';
import type { Transfer } from '../../data/types';
import { removeTransfer } from '../../state/node';
import { useMedvox } from '../useMedvox';

const WORDS: Record<Transfer['state'], string> = {
  waiting: 'waiting',
  running: 'under way',
  done: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** How far a transfer is. */
export function TransferBar({ transfer }: { transfer: Transfer }) {
  const { done, total, state } = transfer;
  const share = total ? (100 * done) / total : state === 'done' ? 100 : 0;
  const running = state === 'running' || state === 'waiting';
  const color = state === 'failed' ? 'red' : state === 'cancelled' ? 'gray' : undefined;
  return (
    <span className="transfer-bar" data-state={state}>
      <Progress
        value={running && !total ? 100 : share}
        animated={running}
        color={color}
        size="sm"
        aria-label="Transferred"
      />
      <span className="digits">{total ? `${done} / ${total}` : WORDS[state]}</span>
    </span>
  );
}

/** All transfers since the server was started, the newest first. */
export function TransferList() {
  const transfers = useMedvox((s) => s.transfers);
  if (transfers.length === 0) return null;
  return (
    <section className="transfers" aria-label="Transfers">
      <h3>Transfers</h3>
      <ul>
        {transfers.map((one) => (
          <li key={one.id} data-transfer={one.id}>
            {one.kind === 'retrieve' ? <IconArrowDown size={15} /> : <IconArrowUp size={15} />}
            <span>
              {one.kind === 'retrieve' ? 'from' : 'to'} <span className="strong">{one.node}</span>
            </span>
            <span className="quiet uid" title={one.study_uid}>
              {one.study_uid}
            </span>
            <TransferBar transfer={one} />
            <span className={one.state === 'failed' ? 'ill' : 'quiet'} title={one.error?.advice}>
              {one.error ? `${WORDS[one.state]}: ${one.error.what}` : WORDS[one.state]}
            </span>
            <button
              type="button"
              className="fold-button"
              aria-label={one.state === 'running' ? 'Cancel' : 'Remove from the list'}
              onClick={() => void removeTransfer(one.id)}
            >
              <IconX size={14} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
