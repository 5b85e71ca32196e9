import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { describe, expect, it } from 'vitest';

/** What a bundler keeps of an application that imports `names` from the library's entry. */
async function bundle(names: string, entry = 'index.ts'): Promise<{ code: string; modules: string[] }> {
  const library = fileURLToPath(new URL(entry, import.meta.url));
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    build: { write: false, rolldownOptions: { input: 'virtual:app' } },
    plugins: [
      {
        name: 'app',
        resolveId: (id) => (id === 'virtual:app' ? '\0app' : undefined),
        load: (id) =>
          id === '\0app'
            ? `import { ${names} } from ${JSON.stringify(library)}; globalThis.kept = [${names}];`
            : undefined,
      },
    ],
  });
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((part) => ('output' in part ? part.output : []));
  const chunks = outputs.filter((output) => output.type === 'chunk');
  return { code: chunks.map(({ code }) => code).join(''), modules: chunks.flatMap(({ moduleIds }) => moduleIds) };
}

/** The hub part, minified and compressed, with everything that it needs. Stated in docs/sdk.md. */
const HUB_BUDGET_BYTES = 15_000;

describe('bundle', () => {
  it.each(['index.ts', 'hub.ts'])(
    'the hub alone (from %s) fits the budget: no WebRTC, no schema library',
    async (entry) => {
      const { code, modules } = await bundle('HubClient', entry);
      expect(modules.some((id) => id.includes('hub-client'))).toBe(true);
      expect(modules.filter((id) => /mediasoup-client|react|softphone\/device|zod/.test(id))).toEqual([]);
      expect(gzipSync(code).length).toBeLessThan(HUB_BUDGET_BYTES);
    },
  );

  it('the device does', async () => {
    const { modules } = await bundle('Device');
    expect(modules.some((id) => id.includes('mediasoup-client'))).toBe(true);
    expect(modules.filter((id) => /\/react/.test(id))).toEqual([]);
  });
});
