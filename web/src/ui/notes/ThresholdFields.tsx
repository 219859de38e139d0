import { NativeSelect, NumberInput } from '@mantine/core';
import { TEXTS } from '../../core/texts';
import type { Note } from '../../data/types';
import { commit, findNote } from '../../notes/state';
import { changeNotes } from '../../state/notes';
import { getState } from '../../state/store';
import { remeasured } from '../../tools/notes/values';
import { workspace } from '../../tools/workspace';

/** What counts inside of a sphere; new spheres begin with the same. */
export function ThresholdFields({ note }: { note: Note }) {
  const threshold = note.threshold ?? { kind: 'share', value: 0 };
  const isShare = threshold.kind === 'share';
  const set = (next: NonNullable<Note['threshold']>) => {
    const { info, notes } = getState();
    const found = findNote(notes, note.id);
    const measured = info && remeasured(workspace(), info, { ...note, threshold: next });
    if (!found || !measured) return;
    changeNotes(commit, found[0], [note], [measured]);
    changeNotes((state) => ({ ...state, threshold: next }));
  };
  return (
    <div className="note-threshold">
      <NativeSelect
        size="xs"
        aria-label={TEXTS.threshold}
        value={threshold.kind}
        data={[
          { value: 'share', label: TEXTS.share },
          { value: 'absolute', label: TEXTS.absolute },
        ]}
        onChange={(event) =>
          set({
            kind: event.currentTarget.value,
            value: event.currentTarget.value === 'share' ? 0.41 : 0,
          })
        }
      />
      <NumberInput
        size="xs"
        aria-label={`${TEXTS.threshold} – value`}
        value={isShare ? Number((threshold.value * 100).toPrecision(4)) : threshold.value}
        hideControls
        onChange={(n) =>
          typeof n === 'number' && set({ kind: threshold.kind, value: isShare ? n / 100 : n })
        }
      />
    </div>
  );
}
