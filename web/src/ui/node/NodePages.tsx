import { Button } from '@mantine/core';
import {
  IconActivity,
  IconCalendarEvent,
  IconEye,
  IconEyeOff,
  IconListSearch,
  IconNetwork,
} from '@tabler/icons-react';
import { type ComponentType, useEffect } from 'react';
import type { PageName } from '../../core/place';
import { go } from '../../state/actions';
import { followTransfers, loadNodes } from '../../state/node';
import { patch } from '../../state/store';
import { Notices } from '../Notices';
import { ToolButton } from '../ToolButton';
import { Logo } from '../Toolbar';
import { useMedvox } from '../useMedvox';
import { RemotePage } from './RemotePage';
import { StatusPage } from './StatusPage';
import { StudiesPage } from './StudiesPage';
import { WorklistPage } from './WorklistPage';

type Icon = ComponentType<{ size?: number; stroke?: number }>;

const TABS: { page: Exclude<PageName, 'viewer'>; label: string; icon: Icon }[] = [
  { page: 'studies', label: 'Studies', icon: IconListSearch },
  { page: 'worklist', label: 'Worklist', icon: IconCalendarEvent },
  { page: 'remote', label: 'Remote nodes', icon: IconNetwork },
  { page: 'status', label: 'Status', icon: IconActivity },
];

/** Everything of a node but the viewer: the list of studies, remote nodes, status. */
export function NodePages() {
  const page = useMedvox((s) => s.page);
  useEffect(() => {
    void loadNodes();
    void followTransfers();
  }, []);
  return (
    <div className="node">
      <NodeBar page={page} />
      <main className="node-main">
        <Notices />
        {page === 'studies' && <StudiesPage />}
        {page === 'worklist' && <WorklistPage />}
        {page === 'remote' && <RemotePage />}
        {page === 'status' && <StatusPage />}
      </main>
      <footer className="foot">
        <span className="reading" />
        <span className="research">Research use, not for diagnosis</span>
      </footer>
    </div>
  );
}

function NodeBar({ page }: { page: PageName }) {
  const node = useMedvox((s) => s.node);
  const hidden = useMedvox((s) => s.hidePatient);
  const running = useMedvox(
    (s) => s.transfers.filter((t) => t.state === 'running' || t.state === 'waiting').length,
  );
  return (
    <header className="bar">
      <div className="brand">
        <Logo />
        medvox
      </div>
      <nav className="node-tabs" aria-label="Pages">
        {TABS.map(({ page: name, label, icon: IconOf }) => (
          <button
            key={name}
            type="button"
            className="node-tab"
            aria-current={page === name ? 'page' : undefined}
            onClick={() => go({ page: name, study: null })}
          >
            <IconOf size={16} stroke={1.7} />
            {label}
          </button>
        ))}
      </nav>
      <div className="bar-space" />
      {running > 0 && page !== 'remote' && (
        <Button
          size="compact-xs"
          variant="light"
          onClick={() => go({ page: 'remote', study: null })}
        >
          {running} under way
        </Button>
      )}
      <span className="node-title" title="AE title of this node">
        {node}
      </span>
      <div className="bar-group">
        <ToolButton
          label={hidden ? 'Show patient data' : 'Hide patient data'}
          shortcut="H"
          pressed={hidden}
          onClick={() => patch({ hidePatient: !hidden })}
        >
          {hidden ? <IconEyeOff size={18} stroke={1.7} /> : <IconEye size={18} stroke={1.7} />}
        </ToolButton>
      </div>
    </header>
  );
}
