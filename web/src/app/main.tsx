import '@mantine/core/styles.css';
import '../ui/theme.css';
import '../ui/light.css';
import '../ui/node/node.css';
import { createRoot } from 'react-dom/client';
import { readBoot } from '../data/api';
import { start } from '../state/actions';
import { keepNotes } from '../state/notes';
import { loadPreferences } from '../state/preferences';
import { keepSegments } from '../state/segments';
import { App } from './App';
import { installHook } from './hook';
import { listenToKeys } from './keys';
import { Theme } from './Theme';
import { keepUrl } from './urlSync';

installHook(window);
start(readBoot(document), window.location.hash);
keepUrl(window);
keepNotes(window);
keepSegments();
listenToKeys(window);
void loadPreferences();
createRoot(document.getElementById('root')!).render(
  <Theme>
    <App />
  </Theme>,
);
document.getElementById('boot')?.remove();
