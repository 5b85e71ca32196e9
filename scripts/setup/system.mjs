// Installs the system packages that are missing, where it may; says what to install where it may not.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { EXIT, SetupFailure } from './failure.mjs';
import { findProgram } from './layout.mjs';
import { SYSTEM_PACKAGES, describePackages, installedFrom, missingPackages } from './packages.mjs';
import { capture, runQuietly } from './run.mjs';

/** @typedef {import('./packages.mjs').Purpose} Purpose */

/** @returns {{apt: boolean, release: string | undefined}} */
export function systemKind() {
  let text = '';
  try {
    text = readFileSync('/etc/os-release', 'utf8');
  } catch {
    // Not a Linux system, or a bare container: no package manager is assumed.
  }
  const debian = /^ID=debian$/m.test(text);
  const release = /^VERSION_CODENAME=(.*)$/m.exec(text)?.[1];
  return {
    apt: findProgram('apt-get') !== undefined && findProgram('dpkg-query') !== undefined,
    release: debian ? release : undefined,
  };
}

/** @param {Purpose[]} purposes */
export function missingHere(purposes) {
  const { apt, release } = systemKind();
  const hasProgram = (/** @type {string} */ name) => findProgram(name) !== undefined;
  if (!apt) {
    // Without dpkg only programs can be looked for; libraries show when the build needs them.
    const withoutPrograms = SYSTEM_PACKAGES.filter((entry) => entry.programs === undefined).map((entry) => entry.name);
    return missingPackages(purposes, { release, installed: new Set(withoutPrograms), hasProgram, env: process.env });
  }
  const names = SYSTEM_PACKAGES.filter((entry) => purposes.includes(entry.purpose)).map((entry) => entry.name);
  const listing = capture('dpkg-query', ['-W', '-f', '${Package}\\t${db:Status-Abbrev}\\n', ...names]).stdout;
  return missingPackages(purposes, { release, installed: installedFrom(listing), hasProgram, env: process.env });
}

/** @returns {string[] | undefined} what to put before apt-get; undefined without the right */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  if (findProgram('sudo') !== undefined && capture('sudo', ['-n', 'true']).code === 0) return ['sudo', '-n'];
  return undefined;
}

/** @param {import('./packages.mjs').SystemPackage[]} missing */
function refuse(missing) {
  const names = missing.map((entry) => entry.name).join(' ');
  if (!systemKind().apt) {
    throw new SetupFailure(
      `These programs are missing, and this system has no apt-get to install them with:\n${describePackages(missing)}\n` +
        'Install them with your package manager (the names are those of Debian) so that they are in the PATH, then run ' +
        'this again. Instead of a nats-server of your own, NATS_URL may name a running one.',
      EXIT.missingPackages,
    );
  }
  throw new SetupFailure(
    `These Debian packages are missing, and this user may not install them (not root, no sudo without a password):\n` +
      `${describePackages(missing)}\nHave this run once, then start again:\n\n` +
      `  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names}\n`,
    EXIT.missingPackages,
  );
}

/**
 * One line of apt's status descriptor as progress text.
 *
 * @param {string} line such as dlstatus:3:41.2:Retrieving file 3 of 7
 * @returns {string | undefined}
 */
export function aptProgress(line) {
  const match = /^(dlstatus|pmstatus):[^:]*(?::[a-z0-9]+)?:([0-9.]+):(.*)$/.exec(line);
  if (match === null) return undefined;
  return `${match[1] === 'dlstatus' ? 'download' : 'install'} ${Math.round(Number(match[2]))} % ${match[3] ?? ''}`;
}

/**
 * Runs the rest of its arguments with descriptor 3 as a copy of stdout. dpkg closes its status descriptor for the packages'
 * own scripts: were that stdout itself, a script that prints would fail (nats-server's does). sudo passes on no descriptor
 * above 2, so that the copy has to be made behind it.
 */
const STATUS_ON_3 = ['sh', '-c', 'exec 3>&1; exec "$@"', 'sh'];

const listsPresent = () =>
  existsSync('/var/lib/apt/lists') && readdirSync('/var/lib/apt/lists').some((name) => name.includes('_Packages'));

/**
 * Installs the missing packages of some purposes with apt.
 *
 * @param {Purpose[]} purposes
 * @param {(text: string) => void} progress
 * @param {(text: string) => void} note
 * @throws {SetupFailure} with EXIT.missingPackages when it may not
 */
export async function installSystemPackages(purposes, progress, note) {
  const missing = missingHere(purposes);
  if (missing.length === 0) return;
  const prefix = systemKind().apt ? rootPrefix() : undefined;
  if (prefix === undefined) refuse(missing);
  const names = missing.map((entry) => entry.name);
  const settings = ['env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C.UTF-8'];
  const apt = async (/** @type {string[]} */ ...args) => {
    const [command = 'env', ...rest] = [...(prefix ?? []), ...settings, ...STATUS_ON_3, 'apt-get', ...args];
    await runQuietly(command, rest, { what: `apt-get ${args.at(0) ?? ''}`, onLine: (line) => aptLine(line, progress) });
  };
  const install = ['install', '-y', '--no-install-recommends', '-o', 'APT::Status-Fd=3', '-o', 'Dpkg::Use-Pty=0'];
  note(describePackages(missing));
  const fresh = listsPresent();
  if (!fresh) await apt('update');
  try {
    await apt(...install, ...names);
  } catch (error) {
    // Package lists that are some weeks old name files the mirror no longer has.
    if (!fresh) throw error;
    await apt('update');
    await apt(...install, ...names);
  }
  if (!existsSync('/run/systemd/system')) return;
  for (const { name, service } of missing) {
    if (service === undefined) continue;
    note(`Debian starts a service of its own with ${name}, on ${service}. Hookswitch runs its own beside it;`);
    note(`"systemctl disable --now ${name}" turns the service off if nothing else uses it.`);
  }
}
/**
 * @param {string} line
 * @param {(text: string) => void} progress
 */
function aptLine(line, progress) {
  const text = aptProgress(line);
  if (text !== undefined) progress(text);
}
