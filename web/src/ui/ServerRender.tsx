import { IconArrowDown, IconArrowLeft, IconArrowRight, IconArrowUp } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../data/api';
import { ToolButton } from './ToolButton';
import { useMedvox } from './useMedvox';

const STEP = 20;

/** 3D as pictures that the server renders, for browsers without WebGL2. */
export function ServerRender() {
  const info = useMedvox((s) => s.info);
  const preset = useMedvox((s) => s.preset);
  const time = useMedvox((s) => s.time);
  const [azimuth, setAzimuth] = useState(0);
  const [elevation, setElevation] = useState(0);
  if (!info) return null;
  const view = { t: time, azimuth, elevation, zoom: 1, width: 800, height: 800 };
  const url = api.renderUrl(info.id, { ...view, preset: preset ?? info.volume_presets[0] ?? '' });
  const icon = { size: 18 };
  return (
    <div className="pane">
      <div className="server-render">
        <img src={url} alt={`${info.label} in 3D, rendered by the server`} />
        <div className="turn bar-group">
          <ToolButton label="Turn left" onClick={() => setAzimuth(azimuth - STEP)}>
            <IconArrowLeft {...icon} />
          </ToolButton>
          <ToolButton label="Turn right" onClick={() => setAzimuth(azimuth + STEP)}>
            <IconArrowRight {...icon} />
          </ToolButton>
          <ToolButton label="Turn up" onClick={() => setElevation(Math.min(elevation + STEP, 90))}>
            <IconArrowUp {...icon} />
          </ToolButton>
          <ToolButton
            label="Turn down"
            onClick={() => setElevation(Math.max(elevation - STEP, -90))}
          >
            <IconArrowDown {...icon} />
          </ToolButton>
        </div>
      </div>
    </div>
  );
}
