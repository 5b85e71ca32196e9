import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The page is served from any path of any host: all addresses in it are relative or computed from its location.
export default defineConfig({
  base: './',
  plugins: [react()],
  build: { target: 'es2022', sourcemap: false, reportCompressedSize: true },
  server: {
    // `HOOKSWITCH_URL=http://127.0.0.1:PORT npx vite` serves the page from its sources against a running server.
    proxy: Object.fromEntries(
      ['/v1', '/demo'].map((path) => [
        path,
        { target: process.env['HOOKSWITCH_URL'] ?? 'http://127.0.0.1:8080', ws: true },
      ]),
    ),
  },
});
