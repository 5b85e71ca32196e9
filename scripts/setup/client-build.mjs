// The pages of the client, built once for each state of their sources.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './layout.mjs';
import { runQuietly } from './run.mjs';
import { hashOf, readStamp, writeStamp } from './stamps.mjs';

const CLIENT = join(ROOT, 'client');
const STAMP = join(CLIENT, 'dist', '.hookswitch-stamp');

const wanted = () =>
  hashOf(ROOT, [
    ...['src', 'public', 'index.html', 'vite.config.ts', 'vite.hub.ts', 'package.json', 'tsconfig.json'].map((name) =>
      join(CLIENT, name),
    ),
    join(ROOT, 'shared', 'src'),
    join(ROOT, 'pnpm-lock.yaml'),
  ]);

export const clientReady = () => readStamp(STAMP) === wanted() || !existsSync(join(CLIENT, 'vite.config.ts'));

/** @param {{node: string, env: NodeJS.ProcessEnv}} toolchain */
export async function buildClient({ node, env }) {
  const stamp = wanted();
  await runQuietly(node, [join(CLIENT, 'node_modules', 'vite', 'bin', 'vite.js'), 'build'], {
    cwd: CLIENT,
    env,
    what: 'vite build in client/',
  });
  writeStamp(STAMP, stamp);
}
