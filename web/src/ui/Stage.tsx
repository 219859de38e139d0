import { Loader } from '@mantine/core';
import { IconAlertTriangle, IconPhotoOff } from '@tabler/icons-react';
import { lazy, Suspense, useCallback, useEffect, useState } from 'react';
import type { ImageInfo } from '../data/types';
import { gridName, setLayout, showsPlanes } from '../state/reducers';
import { change } from '../state/store';
import { CineBar } from './CineBar';
import { FirstPicture } from './FirstPicture';
import { Notices } from './Notices';
import { useMedvox } from './useMedvox';

// Cornerstone3D is most of the client; the list and the first picture stand before it is there.
const ViewGrid = lazy(() => import('./ViewGrid'));
/** The views wait for the first picture, but no longer than this. */
const PATIENCE_MS = 2000;
const Magnifier = lazy(() => import('./looking/Magnifier'));
const CurvedView = lazy(() => import('./looking/CurvedView'));

/** The middle of the page: messages, views, preview, cine. */
export function Stage() {
  const imageId = useMedvox((s) => s.imageId);
  const known = useMedvox((s) => s.info !== null);
  const [drawn, setDrawn] = useState(false);
  // After a frame: starting the views keeps the page busy, and the picture is to be seen meanwhile.
  const begin = useCallback(() => {
    requestAnimationFrame(() => setTimeout(setDrawn, 0, true));
  }, []);
  useEffect(() => {
    if (!known) return;
    const timer = setTimeout(setDrawn, PATIENCE_MS, true);
    return () => clearTimeout(timer);
  }, [known]);
  const magnifier = useMedvox((s) => s.look.magnifier);
  const curved = useMedvox((s) => s.look.curve !== null && showsPlanes(s.layout));
  return (
    <main className="views">
      <RegularBadge />
      {imageId ? (
        <div style={{ position: 'relative', flex: 1, minHeight: 0, display: 'flex' }}>
          <Suspense fallback={<div className="stage" />}>
            {drawn ? <ViewGrid /> : <div className="stage" />}
          </Suspense>
          <Preview onDrawn={begin} />
          <LoadingBar />
          {magnifier && (
            <Suspense>
              <Magnifier />
            </Suspense>
          )}
        </div>
      ) : (
        <Empty />
      )}
      {curved && (
        <Suspense>
          <CurvedView />
        </Suspense>
      )}
      <Notices />
      <CineBar />
    </main>
  );
}

function Empty() {
  const session = useMedvox((s) => s.session);
  const node = useMedvox((s) => s.node);
  const scanning = session?.state === 'scanning';
  return (
    <div className="empty">
      {scanning && <Loader size="sm" />}
      <h2>{scanning ? (session?.progress?.text ?? 'Scanning') : 'Nothing is open'}</h2>
      {node === null && (
        <p>Drop files or a folder anywhere on this page, or type a path at the lower left.</p>
      )}
    </div>
  );
}

function Preview({ onDrawn }: { onDrawn: () => void }) {
  const [picture, setPicture] = useState<string | null>(null);
  const preview = useMedvox((s) => s.preview);
  const shown = useMedvox((s) => s.shown);
  const failed = useMedvox((s) => s.errors.length > 0);
  const webgl2 = useMedvox((s) => s.capabilities?.webgl2 ?? true);
  const layout = useMedvox((s) => s.layout);
  const hasPicture = picture !== null && picture === preview?.imageId;
  if (!shown && failed && !hasPicture) {
    return (
      <div className="cannot" data-cannot-show>
        <IconPhotoOff size={40} stroke={1.3} />
        This image cannot be shown
      </div>
    );
  }
  if (shown || !preview || (!webgl2 && layout !== 'stack')) return null;
  return (
    <div className="preview">
      <img src={preview.url} alt={preview.label} data-preview={preview.imageId} />
      <FirstPicture onDrawn={onDrawn} onPicture={setPicture} />
    </div>
  );
}

function LoadingBar() {
  const loading = useMedvox((s) => s.loading);
  const time = useMedvox((s) => (s.info?.time_points ?? 1) > 1);
  const info = useMedvox((s) => s.info);
  const share = time ? loading.timeFraction : loading.fraction;
  if (!info || share >= 1) return null;
  return (
    <div
      className="loading"
      role="progressbar"
      aria-label="Loading"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
    >
      <div style={{ width: `${share * 100}%` }} />
    </div>
  );
}

/** What was found about the stack, and what that means for what is shown. */
function BadgeReasons({ info }: { info: ImageInfo }) {
  const found = info.findings.filter(({ code }) => info.badge?.codes.includes(code));
  return (
    <div className="badge-reasons" data-badge-reasons>
      {found.map(({ code, text, explanation }) => (
        <p key={code}>
          <b>{text}</b> {explanation}
        </p>
      ))}
      <p>
        Planes and 3D need straight, even slices: they show a copy that was interpolated from the
        stored ones. Probes name the stored slice and value they came from; “Stored slices” shows
        every slice as it was acquired.
      </p>
    </div>
  );
}

/** Says that planes and 3D show a regular copy, and leads to the stored slices. */
function RegularBadge() {
  const info = useMedvox((s) => s.info);
  const layout = useMedvox((s) => s.layout);
  const [why, setWhy] = useState(false);
  if (!info?.badge || !info.grids.regular) return null;
  const regular = gridName(info, layout) === 'regular';
  return (
    <div className="badge-line" role="note" data-badge={info.badge.codes.join(' ')}>
      <IconAlertTriangle size={15} />
      <span>{regular ? info.badge.text : 'Stored slices, as they were acquired'}</span>
      <button type="button" aria-expanded={why} onClick={() => setWhy(!why)}>
        Why?
      </button>
      {why && <BadgeReasons info={info} />}
      <button type="button" onClick={() => change(setLayout, regular ? 'stack' : 'mpr')}>
        {regular ? 'Show stored slices' : 'Show planes and 3D'}
      </button>
    </div>
  );
}
