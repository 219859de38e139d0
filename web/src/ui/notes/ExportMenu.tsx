import { Menu, NativeSelect } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { lazy, Suspense, useState } from 'react';
import { TEXTS } from '../../core/texts';
import { noteApi } from '../../data/notes';
import { notesOf } from '../../notes/state';
import { markKeyImage } from '../../state/notes';
import { getState, report } from '../../state/store';
import { useMedvox } from '../useMedvox';
import { saveBlob } from './files';

const KeyGallery = lazy(() => import('./KeyGallery'));

async function savePicture(): Promise<void> {
  const [{ pictureOf, pngOf }, { workspace }] = await Promise.all([
    import('../../tools/notes/picture'),
    import('../../tools/workspace'),
  ]);
  const canvas = await pictureOf(workspace(), getState().activeView);
  if (canvas) saveBlob(await pngOf(canvas), 'view.png');
}

async function saveMovie(format: 'gif' | 'mp4'): Promise<void> {
  const { info, window, invert, slice, time, frameRate } = getState();
  if (!info) return;
  const gray = info.value.photometric !== 'RGB' && window;
  const asked = {
    format,
    along: info.time_points > 1 ? 'time' : 'slices',
    k: slice,
    t: time,
    ...(gray ? { center: window.center, width: window.width } : {}),
    invert,
    rate: frameRate,
  };
  saveBlob(await noteApi.movie(info.id, asked), `cine.${format}`);
}

async function saveVolume(suffix: string): Promise<void> {
  const { info } = getState();
  if (!info) return;
  const { blob, name } = await noteApi.volume(info.id, suffix);
  saveBlob(blob, name);
}

const tried = (work: Promise<unknown>): void => {
  work.catch((error) => report(error, TEXTS.export));
};

/** Key images, screenshots, volumes and movies. */
export function ExportMenu() {
  const info = useMedvox((s) => s.info);
  const marked = useMedvox(
    (s) => notesOf(s.notes, s.info?.series_id).filter(({ kind }) => kind === 'key-image').length,
  );
  const [gallery, setGallery] = useState(false);
  const [formats, setFormats] = useState<string[]>([]);
  const open = () => {
    if (formats.length === 0) tried(noteApi.formats().then(setFormats));
  };
  return (
    <>
      <Menu position="bottom-end" withinPortal transitionProps={{ duration: 0 }} onOpen={open}>
        <Menu.Target>
          <button
            type="button"
            className="tool"
            aria-label={TEXTS.export}
            title={TEXTS.export}
            disabled={!info}
          >
            <IconDownload size={18} stroke={1.7} />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={markKeyImage}>{TEXTS.markKey}</Menu.Item>
          <Menu.Item onClick={() => setGallery(true)}>{`${TEXTS.gallery} (${marked})`}</Menu.Item>
          <Menu.Divider />
          <Menu.Item onClick={() => tried(savePicture())}>{TEXTS.savePicture}</Menu.Item>
          <Menu.Item onClick={() => tried(saveMovie('gif'))}>{TEXTS.saveGif}</Menu.Item>
          <Menu.Item onClick={() => tried(saveMovie('mp4'))}>{TEXTS.saveMp4}</Menu.Item>
          <NativeSelect
            size="xs"
            m={8}
            aria-label={TEXTS.saveVolume}
            value=""
            data={[{ value: '', label: TEXTS.saveVolume }, ...formats]}
            onChange={(event) => tried(saveVolume(event.currentTarget.value))}
          />
        </Menu.Dropdown>
      </Menu>
      {gallery && (
        <Suspense fallback={null}>
          <KeyGallery onClose={() => setGallery(false)} />
        </Suspense>
      )}
    </>
  );
}
