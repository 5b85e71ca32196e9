// The steps of set-up in their order. Each can tell quickly whether it has anything to do; nothing is locked or printed
// when none has.
import { join } from 'node:path';
import { buildClient, clientReady } from './client-build.mjs';
import { dependenciesReady, installDependencies } from './dependencies.mjs';
import { cacheDir, findProgram, ROOT } from './layout.mjs';
import { acquireLock } from './lock.mjs';
import { installSystemPackages, missingHere } from './system.mjs';
import { installToolchain, planToolchain, toolchainReady } from './toolchain.mjs';
import { obtainWorker, readyWorker } from './worker.mjs';

/**
 * @typedef {ReturnType<typeof import('./progress.mjs').createReporter>} Reporter
 * @typedef {{title: string, what: () => string, ready: () => boolean, run: (progress: (text: string) => void) =>
 *   Promise<unknown>}} Step
 */

/**
 * @param {import('./packages.mjs').Purpose[]} purposes
 * @param {Reporter} reporter
 * @returns {Step[]}
 */
function stepsFor(purposes, reporter) {
  const toolchain = planToolchain();
  const env = toolEnvironment(toolchain);
  const { node, pnpm } = toolchain;
  const named = Object.entries(toolchain.packages).map(([name, version]) => `${name} ${version}`);
  return [
    {
      title: 'packages',
      what: () => `installing ${missingHere(purposes).length} system packages`,
      ready: () => missingHere(purposes).length === 0,
      run: (progress) => installSystemPackages(purposes, progress, reporter.note),
    },
    {
      title: 'toolchain',
      what: () => `installing ${named.join(' and ')} from the npm registry into ${toolchain.dir}`,
      ready: () => toolchainReady(toolchain),
      run: () => installToolchain(toolchain),
    },
    {
      title: 'dependencies',
      what: () => 'installing the JavaScript packages of the lockfile',
      ready: dependenciesReady,
      run: (progress) => installDependencies({ node, pnpm, env }, progress),
    },
    {
      title: 'worker',
      what: () => 'finding a mediasoup worker that passes a DTLS handshake',
      ready: () => readyWorker() !== undefined,
      run: async (progress) => {
        const binary = await obtainWorker({ node, env, note: reporter.note }, progress);
        reporter.note(`worker: ${binary}`);
      },
    },
    {
      title: 'client',
      what: () => 'building the pages in client/',
      ready: clientReady,
      run: () => buildClient({ node, env }),
    },
  ];
}

/** @param {ReturnType<typeof planToolchain>} toolchain */
const toolEnvironment = (toolchain) => ({ ...process.env, PATH: `${toolchain.path}:${process.env.PATH ?? ''}` });

/**
 * Brings the machine to where the purposes need it; does nothing, quickly, when it is there.
 *
 * @param {import('./packages.mjs').Purpose[]} purposes
 * @param {Reporter} reporter
 * @returns {Promise<boolean>} whether anything had to be done
 */
export async function setUp(purposes, reporter) {
  const steps = stepsFor(purposes, reporter);
  if (steps.every((step) => step.ready())) return false;
  const release = await acquireLock(join(cacheDir(), 'setup.lock'), {
    onWait: (pid) => reporter.note(`another set-up is running (process ${pid}): waiting for it`),
  });
  try {
    for (const step of steps) {
      if (!step.ready()) await reporter.step(step.title, step.what(), step.run);
    }
  } finally {
    release();
  }
  return true;
}

/** Whether what every command needs is there: Node, pnpm and the JavaScript packages. */
export const lightlyReady = () => toolchainReady(planToolchain()) && dependenciesReady();

/**
 * What every command of the project runs with.
 *
 * @returns {{node: string, env: NodeJS.ProcessEnv}} env: PATH with the toolchain first, MEDIASOUP_WORKER_BIN,
 *   HOOKSWITCH_NATS_SERVER and HOOKSWITCH_CHROMIUM where they are known
 */
export function commandEnvironment() {
  const toolchain = planToolchain();
  const env = toolEnvironment(toolchain);
  const found = {
    MEDIASOUP_WORKER_BIN: readyWorker(),
    HOOKSWITCH_NATS_SERVER: env.HOOKSWITCH_NATS_SERVER ?? findProgram('nats-server'),
    HOOKSWITCH_CHROMIUM:
      env.HOOKSWITCH_CHROMIUM ??
      ['chromium', 'chromium-browser', 'google-chrome'].map((name) => findProgram(name)).find(Boolean),
    HOOKSWITCH_ROOT: ROOT,
  };
  for (const [name, value] of Object.entries(found)) if (value !== undefined) env[name] = value;
  return { node: toolchain.node, env };
}
