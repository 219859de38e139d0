import '@mantine/core/styles.css';
import '../ui/theme.css';
import '../ui/node/node.css';
import { createTheme, MantineProvider } from '@mantine/core';
import { createRoot } from 'react-dom/client';
import { readBoot } from '../data/api';
import { start } from '../state/actions';
import { keepNotes } from '../state/notes';
import { App } from './App';
import { installHook } from './hook';
import { listenToKeys } from './keys';
import { keepUrl } from './urlSync';

const theme = createTheme({
  primaryColor: 'teal',
  primaryShade: 5,
  defaultRadius: 'md',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
});

installHook(window);
start(readBoot(document), window.location.hash);
keepUrl(window);
keepNotes(window);
listenToKeys(window);
createRoot(document.getElementById('root')!).render(
  <MantineProvider theme={theme} forceColorScheme="dark">
    <App />
  </MantineProvider>,
);
document.getElementById('boot')?.remove();
