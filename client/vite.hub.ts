import { fileURLToPath } from 'node:url';
import type { InlineConfig } from 'vite';

/** Builds `hub.mjs`: the hub part of the client library as one module without imports, for browsers and Node 20 or later. */
export function hubLibrary(outDir: string): InlineConfig {
  return {
    configFile: false,
    logLevel: 'warn',
    root: fileURLToPath(new URL('.', import.meta.url)),
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2022',
      lib: { entry: 'src/sdk/hub.ts', formats: ['es'], fileName: () => 'hub.mjs' },
    },
  };
}
