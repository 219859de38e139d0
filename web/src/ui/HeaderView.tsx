import { NativeSelect, TextInput } from '@mantine/core';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { type HeaderFilter, headerRows, MOST_ROWS } from '../core/headerTree';
import type { Header, HeaderElement } from '../data/types';
import { useMedvox } from './useMedvox';

const FILTERS: { value: HeaderFilter; label: string }[] = [
  { value: 'all', label: 'All elements' },
  { value: 'identifying', label: 'Identifying' },
  { value: 'private', label: 'Private' },
];

/** A header as a tree that can be searched; values that may identify follow the hide key. */
export function HeaderView({ header }: { header: Header | null }) {
  const hidden = useMedvox((s) => s.hidePatient);
  const [search, setSearch] = useState('');
  const [filter, setFilter] = useState<HeaderFilter>('all');
  const [turned, setTurned] = useState<ReadonlySet<number>>(new Set());
  const lines = header?.elements ?? [];
  const rows = useMemo(
    () => headerRows(lines, { search, filter, hidden, turned }),
    [lines, search, filter, hidden, turned],
  );
  const turn = (index: number) => {
    const next = new Set(turned);
    if (!next.delete(index)) next.add(index);
    setTurned(next);
  };
  const found = search.trim() !== '' || filter !== 'all';
  return (
    <div className="header-view">
      <div className="header-search">
        <TextInput
          size="xs"
          aria-label="Search the header"
          placeholder="Search tag, name, value, creator"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          data-autofocus
        />
        <NativeSelect
          size="xs"
          aria-label="Which elements"
          value={filter}
          data={FILTERS}
          onChange={(event) => setFilter(event.currentTarget.value as HeaderFilter)}
        />
      </div>
      <div className="header-scroll">
        <table className="header-table">
          <tbody>
            {rows.slice(0, MOST_ROWS).map(({ index, folded }) => (
              <Line
                key={index}
                line={lines[index]!}
                folded={folded}
                hidden={hidden}
                onTurn={found ? null : () => turn(index)}
              />
            ))}
          </tbody>
        </table>
        {rows.length > MOST_ROWS && (
          <p className="quiet">{`${rows.length - MOST_ROWS} more lines; search to see them.`}</p>
        )}
        {header && rows.length === 0 && <p className="quiet">Nothing holds this text.</p>}
      </div>
    </div>
  );
}

interface LineProps {
  line: HeaderElement;
  folded: boolean | null;
  hidden: boolean;
  onTurn: (() => void) | null;
}

const ACTIONS: Record<string, string> = {
  X: 'removed',
  Z: 'emptied',
  D: 'replaced by a dummy value',
  U: 'replaced by a new UID',
};

function Line({ line, folded, hidden, onTurn }: LineProps) {
  const words = line.action.replace('*', '').split('/');
  const action = words.map((word) => ACTIONS[word] ?? word).join(' or ');
  const Fold = folded ? IconChevronRight : IconChevronDown;
  const veiled = hidden && line.may_identify;
  return (
    <tr data-tag={line.tag} data-identifying={line.identifying} data-creator={line.creator}>
      <td style={{ paddingLeft: 8 + 12 * line.depth }}>
        {folded !== null && onTurn && (
          <button
            type="button"
            className="fold"
            aria-expanded={!folded}
            aria-label={`${folded ? 'Unfold' : 'Fold'} ${line.name || line.tag}`}
            onClick={onTurn}
          >
            <Fold size={13} />
          </button>
        )}
        <span title={line.keyword}>{line.name || line.keyword || line.tag}</span>
        {line.identifying && (
          <span
            className="chip identifying"
            title={`May identify the patient; de-identification by PS3.15: ${action}`}
          >
            identifies
          </span>
        )}
        <span className="header-tag">
          {line.tag} <span title={line.vr_name}>{line.vr}</span>
        </span>
        {line.creator && line.keyword !== 'PrivateCreator' && (
          <span className="header-tag" title="Private creator">
            {line.creator}
          </span>
        )}
      </td>
      <td>
        {veiled ? <span className="quiet">hidden</span> : line.value}
        {line.meaning && <span className="header-meaning">{line.meaning}</span>}
      </td>
    </tr>
  );
}
