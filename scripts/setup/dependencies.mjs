// The JavaScript packages, from the lockfile.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './layout.mjs';
import { runQuietly } from './run.mjs';
import { hashOf, readStamp, writeStamp } from './stamps.mjs';
import { withoutNpmSettings } from './toolchain.mjs';

const STAMP = join(ROOT, 'node_modules', '.hookswitch-stamp');

/** The folders of the workspace's packages that are there. */
function workspacePackages() {
  const examples = join(ROOT, 'examples');
  const entries = existsSync(examples) ? readdirSync(examples, { withFileTypes: true }) : [];
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join('examples', name));
  return ['', 'server', 'client', 'shared', 'e2e', ...names.sort()];
}

function wanted() {
  const manifests = workspacePackages().map((folder) => join(ROOT, folder, 'package.json'));
  return hashOf(ROOT, [
    join(ROOT, 'pnpm-lock.yaml'),
    join(ROOT, 'pnpm-workspace.yaml'),
    join(ROOT, '.npmrc'),
    ...manifests,
  ]);
}

export const dependenciesReady = () => readStamp(STAMP) === wanted();

/**
 * @param {{node: string, pnpm: string, env: NodeJS.ProcessEnv}} toolchain
 * @param {(text: string) => void} progress
 */
export async function installDependencies({ node, pnpm, env }, progress) {
  const stamp = wanted();
  await runQuietly(node, [pnpm, 'install', '--frozen-lockfile', '--reporter=append-only'], {
    cwd: ROOT,
    // CI: never ask. The worker comes from set-up's own step, never from an install script.
    env: { ...withoutNpmSettings(env), CI: 'true' },
    onLine: (line) => {
      if (line.startsWith('Progress:')) progress(line.slice('Progress:'.length).trim());
    },
    what: 'pnpm install',
  });
  writeStamp(STAMP, stamp);
}
