import { Menu } from '@mantine/core';
import {
  IconAdjustments,
  IconArrowLeft,
  IconArrowsMaximize,
  IconBox,
  IconContrast,
  IconCrosshair,
  IconEye,
  IconEyeOff,
  IconFocusCentered,
  IconHandStop,
  IconHelp,
  IconLayoutBoardSplit,
  IconLayoutGrid,
  IconLayoutSidebar,
  IconLayoutSidebarRight,
  IconListDetails,
  IconPhoto,
  IconRefresh,
  IconRuler2,
  IconSquareDashed,
  IconSun,
  IconZoomIn,
} from '@tabler/icons-react';
import { type ComponentType, lazy, Suspense } from 'react';
import type { Layout } from '../core/hash';
import { go } from '../state/actions';
import type { ToolName } from '../state/model';
import { hasPlanes, resetView, setLayout, showsPlanes } from '../state/reducers';
import { change, getState, patch } from '../state/store';
import { ToolButton } from './ToolButton';
import { useMedvox } from './useMedvox';
import { WindowItems } from './WindowItems';

const TableMenu = lazy(() => import('./looking/TableMenu'));

type Icon = ComponentType<{ size?: number; stroke?: number }>;

const TOOLS: { name: ToolName; label: string; key: string; icon: Icon }[] = [
  { name: 'window', label: 'Window', key: 'W', icon: IconSun },
  { name: 'crosshair', label: 'Crosshair', key: 'C', icon: IconCrosshair },
  { name: 'pan', label: 'Pan', key: 'G', icon: IconHandStop },
  { name: 'zoom', label: 'Zoom', key: 'Z', icon: IconZoomIn },
  { name: 'probe', label: 'Probe', key: 'P', icon: IconFocusCentered },
  { name: 'length', label: 'Length', key: 'L', icon: IconRuler2 },
  { name: 'rectangle', label: 'Rectangle', key: 'T', icon: IconSquareDashed },
];

const LAYOUTS: { name: Layout; label: string; key: string; icon: Icon }[] = [
  { name: 'stack', label: 'Stored slices', key: '1', icon: IconPhoto },
  { name: 'mpr', label: 'Planes and 3D', key: '2', icon: IconLayoutGrid },
  { name: 'volume', label: '3D', key: '3', icon: IconBox },
  { name: 'three', label: '3D beside planes', key: '4', icon: IconLayoutBoardSplit },
];

const ICON = { size: 18, stroke: 1.7 };

export function Toolbar() {
  const { sidebar, panel, header, hidePatient } = useMedvoxFlags();
  const node = useMedvox((s) => s.node);
  return (
    <header className="bar">
      <div className="brand">
        <Logo />
        medvox
      </div>
      {node !== null && (
        <button
          type="button"
          className="node-tab"
          title="List of studies (S)"
          aria-keyshortcuts="S"
          onClick={() => go({ page: 'studies', study: null })}
        >
          <IconArrowLeft size={16} stroke={1.7} />
          Studies
        </button>
      )}
      <div className="bar-group">
        <ToolButton
          label="List of studies"
          shortcut="B"
          pressed={sidebar}
          onClick={() => patch({ sidebar: !sidebar })}
        >
          <IconLayoutSidebar {...ICON} />
        </ToolButton>
      </div>
      <LayoutGroup />
      <ToolGroup />
      <PictureGroup />
      <div className="bar-space" />
      <div className="bar-group">
        <ToolButton
          label={hidePatient ? 'Show patient data' : 'Hide patient data'}
          shortcut="H"
          pressed={hidePatient}
          onClick={() => patch({ hidePatient: !hidePatient })}
        >
          {hidePatient ? <IconEyeOff {...ICON} /> : <IconEye {...ICON} />}
        </ToolButton>
        <ToolButton label="Help" shortcut="?" onClick={() => patch({ help: true })}>
          <IconHelp {...ICON} />
        </ToolButton>
        <ToolButton
          label="Header browser"
          shortcut="D"
          pressed={header}
          onClick={() => patch({ header: !header })}
        >
          <IconListDetails {...ICON} />
        </ToolButton>
        <ToolButton
          label="Details"
          shortcut="N"
          pressed={panel}
          onClick={() => patch({ panel: !panel })}
        >
          <IconLayoutSidebarRight {...ICON} />
        </ToolButton>
      </div>
    </header>
  );
}

function useMedvoxFlags() {
  return {
    sidebar: useMedvox((s) => s.sidebar),
    panel: useMedvox((s) => s.panel),
    header: useMedvox((s) => s.header),
    hidePatient: useMedvox((s) => s.hidePatient),
  };
}

function LayoutGroup() {
  const layout = useMedvox((s) => s.layout);
  const info = useMedvox((s) => s.info);
  return (
    <fieldset className="bar-group" aria-label="Layout" style={{ border: 0, margin: 0 }}>
      {LAYOUTS.map(({ name, label, key, icon: Icon }) => (
        <ToolButton
          key={name}
          label={label}
          shortcut={key}
          pressed={layout === name}
          disabled={!info || (name !== 'stack' && !hasPlanes(info))}
          onClick={() => change(setLayout, name)}
        >
          <Icon {...ICON} />
        </ToolButton>
      ))}
      {info && (
        <Suspense>
          <TableMenu />
        </Suspense>
      )}
    </fieldset>
  );
}

function ToolGroup() {
  const tool = useMedvox((s) => s.tool);
  const layout = useMedvox((s) => s.layout);
  return (
    <fieldset className="bar-group" aria-label="Tools" style={{ border: 0, margin: 0 }}>
      {TOOLS.map(({ name, label, key, icon: Icon }) => (
        <ToolButton
          key={name}
          label={label}
          shortcut={key}
          pressed={tool === name}
          disabled={name === 'crosshair' && !showsPlanes(layout) && layout !== 'grid'}
          onClick={() => patch({ tool: name })}
        >
          <Icon {...ICON} />
        </ToolButton>
      ))}
    </fieldset>
  );
}

function PictureGroup() {
  const invert = useMedvox((s) => s.invert);
  return (
    <div className="bar-group">
      <Menu position="bottom-start" withinPortal>
        <Menu.Target>
          <button type="button" className="tool" aria-label="Window presets" title="Window presets">
            <IconAdjustments {...ICON} />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Window presets</Menu.Label>
          <WindowItems />
        </Menu.Dropdown>
      </Menu>
      <ToolButton
        label="Invert"
        shortcut="I"
        pressed={invert}
        onClick={() => patch({ invert: !getState().invert })}
      >
        <IconContrast {...ICON} />
      </ToolButton>
      <ToolButton label="Fit" shortcut="F" onClick={() => patch({ cameras: {} })}>
        <IconArrowsMaximize {...ICON} />
      </ToolButton>
      <ToolButton label="Reset" shortcut="R" onClick={() => change(resetView)}>
        <IconRefresh {...ICON} />
      </ToolButton>
    </div>
  );
}

export function Logo() {
  return (
    <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M4 11l12-6 12 6-12 6z" fill="#5eead4" />
      <path d="M4 16.5l12 6 12-6M4 22l12 6 12-6" fill="none" stroke="#2dd4bf" strokeWidth="2.6" />
    </svg>
  );
}
