import react from '@vitejs/plugin-react';
import { defineConfig, loadEnv } from 'vite';

// The page is served from any path of any host: all addresses in it are relative or computed from its location.
export default defineConfig(({ mode }) => {
  // `HOOKSWITCH_URL=http://127.0.0.1:PORT npx vite` serves the page from its sources against a running server.
  const target = loadEnv(mode, '.', 'HOOKSWITCH_')['HOOKSWITCH_URL'] ?? 'http://127.0.0.1:8080';
  return {
    base: './',
    plugins: [react()],
    build: { target: 'es2022', reportCompressedSize: true, chunkSizeWarningLimit: 700 },
    server: { proxy: Object.fromEntries(['/v1', '/demo'].map((path) => [path, { target, ws: true }])) },
  };
});
