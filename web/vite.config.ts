import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const server = process.env.MEDVOX_SERVER ?? 'http://127.0.0.1:8765';

export default defineConfig({
  base: '/',
  plugins: [react()],
  build: {
    outDir: '../src/medvox/server/static',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 6000,
  },
  worker: { format: 'es' },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': { target: server, changeOrigin: true } },
  },
});
