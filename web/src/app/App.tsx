import { DropZone } from '../ui/DropZone';
import { HeaderPanel } from '../ui/HeaderPanel';
import { HelpDialog } from '../ui/HelpDialog';
import { Panel } from '../ui/Panel';
import { Stage } from '../ui/Stage';
import { StatusBar } from '../ui/StatusBar';
import { StudyList } from '../ui/StudyList';
import { Toolbar } from '../ui/Toolbar';

export function App() {
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
