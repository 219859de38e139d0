import { DropZone } from '../ui/DropZone';
import { HeaderPanel } from '../ui/HeaderPanel';
import { HelpDialog } from '../ui/HelpDialog';
import { NodePages } from '../ui/node/NodePages';
import { Panel } from '../ui/Panel';
import { Stage } from '../ui/Stage';
import { StatusBar } from '../ui/StatusBar';
import { StudyList } from '../ui/StudyList';
import { Toolbar } from '../ui/Toolbar';
import { useMedvox } from '../ui/useMedvox';

export function App() {
  const page = useMedvox((s) => s.page);
  if (page !== 'viewer') {
    return (
      <>
        <NodePages />
        <DropZone />
      </>
    );
  }
  return (
    <div className="shell">
      <Toolbar />
      <StudyList />
      <Stage />
      <HeaderPanel />
      <Panel />
      <StatusBar />
      <HelpDialog />
      <DropZone />
    </div>
  );
}
