import { ActionIcon, NumberInput, Slider } from '@mantine/core';
import {
  IconPlayerPauseFilled,
  IconPlayerPlayFilled,
  IconPlayerSkipBack,
  IconPlayerSkipForward,
} from '@tabler/icons-react';
import { useEffect } from 'react';
import { formatNumber } from '../core/format';
import { setTime, stepTime } from '../state/reducers';
import { change, getState, patch } from '../state/store';
import { useMedvox } from './useMedvox';

/** Play, speed and time of images with a time axis. */
export function CineBar() {
  const info = useMedvox((s) => s.info);
  const time = useMedvox((s) => s.time);
  const playing = useMedvox((s) => s.playing);
  const frameRate = useMedvox((s) => s.frameRate);

  useEffect(() => {
    if (!playing) return;
    const timer = setInterval(() => change(stepTime, 1), 1000 / frameRate);
    return () => clearInterval(timer);
  }, [playing, frameRate]);

  if (!info || info.time_points < 2) return null;
  const seconds = info.frame_times_s?.[time];
  const at = seconds === undefined ? '' : ` · ${formatNumber(seconds, 3)} s`;
  return (
    <fieldset className="cine" aria-label="Time" style={{ border: 0, margin: 0 }}>
      <ActionIcon variant="subtle" aria-label="Previous time" onClick={() => change(stepTime, -1)}>
        <IconPlayerSkipBack size={16} />
      </ActionIcon>
      <ActionIcon
        variant="light"
        aria-label={playing ? 'Pause' : 'Play'}
        onClick={() => patch({ playing: !getState().playing })}
      >
        {playing ? <IconPlayerPauseFilled size={16} /> : <IconPlayerPlayFilled size={16} />}
      </ActionIcon>
      <ActionIcon variant="subtle" aria-label="Next time" onClick={() => change(stepTime, 1)}>
        <IconPlayerSkipForward size={16} />
      </ActionIcon>
      <Slider
        className="slider"
        size="sm"
        thumbLabel="Time point"
        min={0}
        max={info.time_points - 1}
        value={time}
        label={(n) => n + 1}
        onChange={(n) => change(setTime, n)}
      />
      <span data-time={time}>{`${time + 1} / ${info.time_points}${at}`}</span>
      <NumberInput
        size="xs"
        w={86}
        aria-label="Frames per second"
        min={1}
        max={60}
        hideControls
        suffix=" fps"
        decimalScale={1}
        value={Number(frameRate.toFixed(1))}
        onChange={(n) => typeof n === 'number' && n > 0 && patch({ frameRate: Math.min(n, 60) })}
      />
    </fieldset>
  );
}
