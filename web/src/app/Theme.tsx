import { createTheme, MantineProvider } from '@mantine/core';
import { type ReactNode, useEffect, useState } from 'react';
import { useMedvox } from '../ui/useMedvox';

const theme = createTheme({
  primaryColor: 'teal',
  primaryShade: { light: 8, dark: 5 },
  defaultRadius: 'md',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
});

const LIGHT = '(prefers-color-scheme: light)';

/** The user's colors: dark, light, or as the system has them. */
export function Theme({ children }: { children: ReactNode }) {
  const wanted = useMedvox((s) => s.preferences.theme);
  const [light, setLight] = useState(() => window.matchMedia(LIGHT).matches);
  useEffect(() => {
    const query = window.matchMedia(LIGHT);
    const follow = () => setLight(query.matches);
    query.addEventListener('change', follow);
    return () => query.removeEventListener('change', follow);
  }, []);
  const scheme = wanted === 'system' ? (light ? 'light' : 'dark') : wanted;
  return (
    <MantineProvider theme={theme} forceColorScheme={scheme}>
      {children}
    </MantineProvider>
  );
}
