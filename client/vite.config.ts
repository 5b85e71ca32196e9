import react from '@vitejs/plugin-react';
import { build, defineConfig, loadEnv } from 'vite';
import type { Plugin } from 'vite';
import { hubLibrary } from './vite.hub.ts';

/** The hub part of the library as one file beside the page, `sdk/hub.mjs`: for pages and programs without a bundler. */
function servesHubLibrary(): Plugin {
  return {
    name: 'hub-library',
    apply: 'build',
    async closeBundle() {
      await build(hubLibrary('dist/sdk'));
    },
  };
}

// The page is served from any path of any host: all addresses in it are relative or computed from its location.
export default defineConfig(({ mode }) => {
  // `HOOKSWITCH_URL=http://127.0.0.1:PORT npx vite` serves the page from its sources against a running server.
  const target = loadEnv(mode, '.', 'HOOKSWITCH_')['HOOKSWITCH_URL'] ?? 'http://127.0.0.1:8080';
  return {
    base: './',
    plugins: [react(), servesHubLibrary()],
    build: { target: 'es2022', reportCompressedSize: true, chunkSizeWarningLimit: 700 },
    server: { proxy: Object.fromEntries(['/v1', '/demo'].map((path) => [path, { target, ws: true }])) },
  };
});
