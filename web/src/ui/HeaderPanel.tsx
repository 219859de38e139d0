import { CloseButton } from '@mantine/core';
import { useEffect, useState } from 'react';
import { api } from '../data/api';
import type { Header } from '../data/types';
import { shownSlice } from '../state/reducers';
import { patch, report } from '../state/store';
import { HeaderView } from './HeaderView';
import { useMedvox } from './useMedvox';

/** A request is made when the slice has rested for so long. */
const REST_MS = 120;

/** Beside the image: the header of the object that the shown slice came from. */
export function HeaderPanel() {
  const visible = useMedvox((s) => s.header);
  const id = useMedvox((s) => s.info?.id ?? null);
  if (!visible || !id) return null;
  return <Panel key={id} id={id} />;
}

function Panel({ id }: { id: string }) {
  const slice = useMedvox(shownSlice);
  const time = useMedvox((s) => s.time);
  const [header, setHeader] = useState<Header | null>(null);

  useEffect(() => {
    let wanted = true;
    const timer = setTimeout(() => {
      api.header(id, time, slice).then(
        (found) => wanted && setHeader(found),
        (error) => wanted && report(error, 'header'),
      );
    }, REST_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [id, time, slice]);

  const frame = header?.frame ? `, frame ${header.frame}` : '';
  return (
    <aside className="header-panel" aria-label="Header" data-slice={slice}>
      <div className="header-title">
        <h3>
          Header <span>{`of slice ${slice + 1}${frame}`}</span>
        </h3>
        <CloseButton
          size="sm"
          aria-label="Close the header"
          onClick={() => patch({ header: false })}
        />
      </div>
      <p className="quiet header-file" data-header-file>
        {header?.title ?? ''}
      </p>
      <HeaderView header={header} />
    </aside>
  );
}
