import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hubLibrary } from '../../vite.hub.ts';
import { startHub } from './testing/hub-process.ts';
import type { HubProcess } from './testing/hub-process.ts';

const read = (path: string): Promise<string> => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');
/** Programs of a document that use the built library. */
const examples = (text: string): string[] =>
  [...text.matchAll(/^```js\n([^]*?)^```$/gm)]
    .map(([, code = '']) => code)
    .filter((code) => code.includes("'./hub.mjs'"));

let folder: string;
let hub: HubProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hub-library-'));
  await build(hubLibrary(folder));
  hub = await startHub();
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** What a program prints, beside the library, with our own hub in the place of the documented one. */
async function run(code: string): Promise<string> {
  const own = code.replaceAll('http://127.0.0.1:8080', hub.tokens).replaceAll('ws://127.0.0.1:8080/v1/hub', hub.url);
  const file = join(folder, 'example.mjs');
  await writeFile(file, own);
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const [status] = (await once(child, 'close')) as [number];
  expect(status, output).toBe(0);
  return output;
}

describe('the documented programs', () => {
  it('README.md: start, token, subscribe, publish, presence in some 20 lines', async () => {
    const [program = '', ...others] = examples(await read('README.md'));
    expect(others).toEqual([]);
    expect(program.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(20);
    const output = await run(program);
    expect(output).toContain("alice { text: 'hello' }");
    expect(output).toMatch(/^present: \d/m);
  });

  it('docs/sdk.md: events, presence', async () => {
    const [events = '', presence = '', list = '', ...others] = examples(await read('docs/sdk.md'));
    expect(others).toEqual([]);
    const output = await run(events);
    expect(output).toContain('listener: app.orders.created { id: 7 }');
    expect(output).toMatch(/loop: app\.orders\.created order\.created \{ id: 7 \} \d+/);
    expect(await run(presence)).toMatch(/^members: \d/m);
    expect(await run(list)).toMatch(/^joined: alice$[^]*^present: 1$/m);
  });
});
