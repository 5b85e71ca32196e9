// The system packages Hookswitch uses, by their Debian names, and why each is needed.

/**
 * @typedef {'run' | 'build' | 'test' | 'bench'} Purpose
 * @typedef {{name: string, purpose: Purpose, why: string, programs?: string[], release?: string, service?: string}}
 *   SystemPackage
 *   programs: any of them in the PATH counts as having the package, wherever it came from;
 *   release: only on this Debian release (libraries carry their version in the name);
 *   service: what Debian starts with it where there is systemd, and the port it takes
 */

/** Debian 12: what the worker that is built here is linked against. On other releases the build packages bring them. */
const WORKER_LIBRARIES = ['libuv1', 'libsrtp2-1', 'libssl3', 'libabsl20220623', 'libstdc++6'];

/** @type {SystemPackage[]} */
export const SYSTEM_PACKAGES = [
  {
    name: 'nats-server',
    purpose: 'run',
    why: 'message bus: events, state',
    programs: ['nats-server'],
    service: 'port 4222',
  },
  { name: 'espeak-ng', purpose: 'run', why: 'speech for <Say>', programs: ['espeak-ng'] },
  { name: 'flite', purpose: 'run', why: 'a more natural English voice for <Say>', programs: ['flite'] },
  {
    name: 'pocketsphinx',
    purpose: 'run',
    why: 'speech recognition for <Gather> and transcriptions',
    programs: ['pocketsphinx_continuous'],
  },
  { name: 'pocketsphinx-en-us', purpose: 'run', why: 'English for the speech recognition' },
  {
    name: 'ffmpeg',
    purpose: 'run',
    why: 'telephone audio of recordings of any kind, mp3 of recordings; independent audio tool of the tests',
    programs: ['ffmpeg'],
  },
  ...WORKER_LIBRARIES.map((name) => {
    return { name, purpose: /** @type {const} */ ('run'), why: 'library of the media worker', release: 'bookworm' };
  }),

  { name: 'meson', purpose: 'build', why: 'builds the media worker', programs: ['meson'] },
  { name: 'ninja-build', purpose: 'build', why: 'builds the media worker', programs: ['ninja'] },
  { name: 'pkg-config', purpose: 'build', why: 'finds libraries', programs: ['pkg-config'] },
  { name: 'g++', purpose: 'build', why: 'C++ compiler', programs: ['g++'] },
  { name: 'flatbuffers-compiler', purpose: 'build', why: 'message schemas of the media worker', programs: ['flatc'] },
  { name: 'libflatbuffers-dev', purpose: 'build', why: 'library of the media worker' },
  { name: 'libuv1-dev', purpose: 'build', why: 'library of the media worker' },
  { name: 'libsrtp2-dev', purpose: 'build', why: 'library of the media worker' },
  { name: 'libssl-dev', purpose: 'build', why: 'library of the media worker' },
  { name: 'libabsl-dev', purpose: 'build', why: 'library of the media worker' },

  {
    name: 'chromium',
    purpose: 'test',
    why: 'browser of the browser tests',
    programs: ['chromium', 'chromium-browser', 'google-chrome'],
  },
  { name: 'python3-twilio', purpose: 'test', why: 'a second official validator of request signatures' },
  { name: 'fonts-dejavu-core', purpose: 'test', why: 'text in the browser tests and screenshots' },
  { name: 'sip-tester', purpose: 'test', why: 'sipp, an independent SIP peer', programs: ['sipp'] },
  { name: 'baresip-core', purpose: 'test', why: 'baresip, an independent SIP phone', programs: ['baresip'] },
  { name: 'tshark', purpose: 'test', why: 'independent decoder of SIP and RTP', programs: ['tshark'] },
  { name: 'sox', purpose: 'test', why: 'independent audio tool', programs: ['sox'] },
  {
    name: 'kamailio',
    purpose: 'test',
    why: 'an independent SIP proxy',
    programs: ['kamailio'],
    service: 'port 5060',
  },
  { name: 'kamailio-tls-modules', purpose: 'test', why: 'TLS for kamailio' },
  { name: 'iproute2', purpose: 'test', why: 'network namespaces of the fault tests', programs: ['ip'] },

  {
    name: 'rtpengine-daemon',
    purpose: 'bench',
    why: 'the media relay that bench media compares with',
    programs: ['rtpengine'],
    service: 'ports 2223 and 30000-40000',
  },
  { name: 'gcc', purpose: 'bench', why: 'compiles the load generators of the benchmarks', programs: ['cc', 'gcc'] },
  { name: 'libc6-dev', purpose: 'bench', why: 'C library headers for the load generators' },
];

/**
 * The packages that one or more purposes need and this machine lacks.
 *
 * @param {Purpose[]} purposes
 * @param {{release: string | undefined, installed: Set<string>, hasProgram: (name: string) => boolean,
 *   env?: NodeJS.ProcessEnv}} machine release: Debian's code name
 * @returns {SystemPackage[]}
 */
export function missingPackages(purposes, { release, installed, hasProgram, env = {} }) {
  const external = env.NATS_URL !== undefined && env.NATS_URL !== '' && !purposes.includes('test');
  return SYSTEM_PACKAGES.filter(
    (entry) =>
      purposes.includes(entry.purpose) &&
      (entry.release === undefined || entry.release === release) &&
      !(entry.name === 'nats-server' && external) &&
      !installed.has(entry.name) &&
      !(entry.programs ?? []).some((program) => hasProgram(program)),
  );
}

/**
 * The names that dpkg says are installed.
 *
 * @param {string} listing output of dpkg-query -W -f '${Package}\t${db:Status-Abbrev}\n'
 * @returns {Set<string>}
 */
export function installedFrom(listing) {
  const rows = listing.split('\n').map((line) => line.split('\t'));
  return new Set(rows.filter(([, status]) => status?.startsWith('ii')).map(([name]) => name ?? ''));
}

/** @param {SystemPackage[]} packages */
export const describePackages = (packages) =>
  packages.map((entry) => `  ${entry.name.padEnd(22)}${entry.why}`).join('\n');
