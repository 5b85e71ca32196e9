import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import { ConfigError, REPOSITORY, readOptions } from './config-options.ts';
import type { OptionValues } from './config-options.ts';

/** Everything `start` needs to know. Ports: `preferred` is taken when free, `fixed` must be free, 0 means any. */
export interface Config {
  readonly dataDir: string;
  readonly repository: string;
  readonly roles: readonly Role[];
  readonly http: { readonly host: string; readonly port: PortChoice };
  readonly tls: { readonly certFile: string; readonly keyFile: string } | 'self-signed' | undefined;
  readonly publicAddress: string | undefined;
  readonly sip: SipConfig;
  /** Milliseconds; see `--media-timeout` and `--quality-interval`. */
  readonly watch: { readonly mediaTimeoutMs: number; readonly qualityIntervalMs: number };
  readonly rtpPorts: { readonly from: number; readonly to: number } | undefined;
  readonly webrtc: { readonly host: string; readonly port: number; readonly workers: number | undefined };
  /** Media workers may carry the audio of bridged calls without Node. */
  readonly mediaHandOver: boolean;
  /** What `POST Tokens.json` hands out; see `--ice-servers`. */
  readonly ice: { readonly urls: readonly string[]; readonly secret: string | undefined };
  /** Webhooks may be sent to addresses that are not public. */
  readonly webhookPrivate: boolean;
  /** Networks that are not public and that media may be fetched from, CIDR. */
  readonly mediaPrivate: readonly string[];
  /** A text-to-speech service; see `--voice-config`. */
  readonly voiceConfig: string | undefined;
  /** See `--metrics-accounts`. */
  readonly metricsAccounts: number;
  /** Milliseconds; see `--session-idle`. */
  readonly sessionIdleMs: number;
  /** Legs; see `--call-capacity`. */
  readonly callCapacity: number;
  /** Callers are refused above it: `--call-capacity` where it was given. */
  readonly mostLegs: number | undefined;
  /** Milliseconds; see `--drain-seconds`. */
  readonly drainMs: number;
  /** See `--allocator`. */
  readonly allocator: AllocatorConfig;
  readonly trunk: { readonly allow: readonly string[]; readonly gateway: string };
  readonly demo: boolean;
  readonly natsUrl: string | undefined;
  readonly databaseUrl: string | undefined;
  readonly trace: { readonly on: boolean; readonly showDigits: boolean };
  readonly log: { readonly level: OptionValues['log-level']; readonly json: boolean };
}
/** What a process does; ARCHITECTURE.md names more. */
export type Role = 'gateway' | 'call' | 'media';
export interface SipConfig {
  /** The first of the addresses: RTP is bound there too. */
  readonly host: string;
  /** One of each family at most. */
  readonly addresses: readonly string[];
  /** Of UDP and TCP. */
  readonly port: PortChoice;
  /** How calls of peers that nobody knows are treated. */
  readonly strangers: 'reject' | 'ignore';
  readonly reliableProvisionals: 'off' | 'supported' | 'required';
  /** Seconds. */
  readonly sessionInterval: number;
  /** Milliseconds between two keep-alives over UDP; 0: none. */
  readonly keepAliveMs: number;
  /** Undefined: nothing listens for SIP over TLS; peers that want it are connected to. */
  readonly tls:
    | {
        readonly port: PortChoice;
        readonly certificate: { readonly certFile: string; readonly keyFile: string } | 'self-signed';
        readonly clients: 'none' | 'ask' | 'require';
      }
    | undefined;
  /** By whom certificates of peers are checked; undefined: those that Node.js knows. */
  readonly authoritiesFile: string | undefined;
}
/** Bounds of a number of nodes. */
export interface NodeRange {
  readonly min: number;
  readonly max: number;
}

export interface AllocatorConfig {
  readonly mode: OptionValues['allocator'];
  /** Command, URL, or NAMESPACE/DEPLOYMENT. */
  readonly target: string;
  readonly nodes: NodeRange;
  /** Of processes with one role alone; none are made where there is no range. */
  readonly roles: { readonly gateway?: NodeRange; readonly media?: NodeRange };
  readonly coolDownMs: number;
  /** Of the capacity analysis: nothing is given up that will be needed again within the cool-down. */
  readonly policy: { readonly keepMs: number; readonly everyMs: number };
}
export interface PortChoice {
  readonly number: number;
  readonly fixed: boolean;
}

/** @throws ConfigError for unknown options and values out of range */
export function readConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Config | 'help' {
  const given = readOptions(argv, env);
  return given === 'help' ? given : assemble(given.data, given.flags, env);
}

function assemble(
  data: OptionValues,
  flags: ReadonlySet<string>,
  env: Readonly<Record<string, string | undefined>>,
): Config {
  const publicAddress = data['public-address'];
  const anywhere = publicAddress === undefined ? '127.0.0.1' : publicAddress.includes(':') ? '::' : '0.0.0.0';
  const host = data.host ?? anywhere;
  const roles = data.roles.split(',') as Role[];
  const natsUrl = nonEmpty(env['NATS_URL']);
  if (!roles.includes('call') && (natsUrl === undefined || nonEmpty(env['HOOKSWITCH_MASTER_KEY']) === undefined)) {
    const needs = 'needs NATS_URL and HOOKSWITCH_MASTER_KEY of the process with the role call';
    throw new ConfigError('bad-option', `--roles ${data.roles}: ${needs}`);
  }
  return {
    dataDir: resolve(data['data-dir']),
    repository: REPOSITORY,
    roles,
    http: { host, port: choice(data.port, 8080) },
    tls: tlsOf(data['tls-cert'], data['tls-key'], publicAddress),
    publicAddress,
    sip: sipOf(data, anywhere),
    watch: { mediaTimeoutMs: data['media-timeout'] * 1000, qualityIntervalMs: data['quality-interval'] * 1000 },
    rtpPorts: rangeOf(data['rtp-ports']),
    webrtc: { host: data['webrtc-host'] ?? host, port: data['webrtc-port'] ?? 0, workers: data['media-workers'] },
    mediaHandOver: data['media-handover'] === 'on',
    ice: { urls: data['ice-servers'], secret: data['turn-secret'] },
    webhookPrivate: data['webhook-private'] === 'on',
    mediaPrivate: [...(isLoopback(host) ? LOOPBACK : []), ...data['media-private']],
    voiceConfig: data['voice-config'],
    metricsAccounts: data['metrics-accounts'],
    sessionIdleMs: data['session-idle'] * 1000,
    callCapacity: data['call-capacity'] ?? USUAL_CAPACITY,
    mostLegs: data['call-capacity'],
    drainMs: data['drain-seconds'] * 1000,
    allocator: allocatorOf(data),
    trunk: {
      allow: [...LOOPBACK, ...(publicAddress === undefined ? [] : ownAddresses()), ...data['allow-trunk']],
      gateway: data['demo-gateway'],
    },
    demo: !flags.has('no-demo'),
    natsUrl,
    databaseUrl: nonEmpty(env['DATABASE_URL']),
    trace: { on: data.trace === 'on', showDigits: data['trace-digits'] === 'shown' },
    log: { level: data['log-level'], json: flags.has('log-json') },
  };
}

/** Between two looks of the capacity analysis, milliseconds. */
const CAPACITY_EVERY_MS = 15_000;
/** Legs that a node is taken to carry when nobody says. */
const USUAL_CAPACITY = 200;
const LOOPBACK = ['127.0.0.0/8', '::1/128'];
/** Whether only this machine reaches the server; then its tenants are this machine's users. */
const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.');

/** This machine's own addresses: the simulated caller uses one of them when SIP is not on loopback. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all
    .filter(({ internal }) => !internal)
    .map(({ address, family }) => `${address}/${family === 'IPv4' ? 32 : 128}`);
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

function choice(given: number | undefined, preferred: number): PortChoice {
  return given === undefined ? { number: preferred, fixed: false } : { number: given, fixed: given !== 0 };
}

function sipOf(data: OptionValues, anywhere: string): SipConfig {
  const addresses = data['sip-host'] ?? [anywhere];
  const files = certificateFiles(data['sip-tls-cert'], data['sip-tls-key'], 'sip-tls');
  const authoritiesFile = data['sip-tls-ca'];
  if (authoritiesFile !== undefined && !existsSync(authoritiesFile))
    throw new ConfigError('bad-option', `${authoritiesFile} does not exist: --sip-tls-ca takes a PEM file`);
  const port = data['sip-tls-port'];
  const tls = {
    port: choice(port, 5061),
    certificate: files ?? ('self-signed' as const),
    clients: data['sip-tls-clients'],
  };
  return {
    host: addresses[0] ?? anywhere,
    addresses,
    port: choice(data['sip-port'], 5060),
    strangers: data['sip-strangers'],
    reliableProvisionals: data['sip-100rel'],
    sessionInterval: data['sip-session-timer'],
    keepAliveMs: data['sip-keepalive'] * 1000,
    tls: files === undefined && port === undefined ? undefined : tls,
    authoritiesFile,
  };
}

function tlsOf(cert: string | undefined, key: string | undefined, publicAddress: string | undefined): Config['tls'] {
  return certificateFiles(cert, key, 'tls') ?? (publicAddress === undefined ? undefined : 'self-signed');
}

function certificateFiles(
  cert: string | undefined,
  key: string | undefined,
  option: 'tls' | 'sip-tls',
): { readonly certFile: string; readonly keyFile: string } | undefined {
  const [certOption, keyOption] = [`--${option}-cert`, `--${option}-key`];
  if ((cert === undefined) !== (key === undefined))
    throw new ConfigError('bad-option', `${certOption} and ${keyOption} belong together: give both or none`);
  if (cert === undefined || key === undefined) return undefined;
  for (const file of [cert, key]) {
    if (!existsSync(file))
      throw new ConfigError('bad-option', `${file} does not exist: ${certOption} and ${keyOption} take PEM files`);
  }
  return { certFile: cert, keyFile: key };
}

function allocatorOf(data: OptionValues): AllocatorConfig {
  const { allocator: mode, 'allocator-target': target = '', 'call-nodes': range } = data;
  const expected = { command: /./, webhook: /^https?:\/\//, kubernetes: /^[a-z0-9-]+\/[a-z0-9.-]+$/ } as const;
  if (mode in expected && !expected[mode as keyof typeof expected].test(target)) {
    const what = { command: 'a program', webhook: 'a URL', kubernetes: 'NAMESPACE/DEPLOYMENT' }[mode as 'command'];
    throw new ConfigError('bad-option', `--allocator ${mode} needs --allocator-target with ${what}`);
  }
  const { 'gateway-nodes': gateway, 'media-nodes': media } = data;
  const coolDownMs = data['allocator-cooldown'] * 1000;
  // Who wants quick changes wants to be looked at often.
  const everyMs = Math.min(CAPACITY_EVERY_MS, Math.max(1000, coolDownMs / 4));
  return {
    mode,
    target,
    nodes: nodeRange('call-nodes', range),
    roles: {
      ...(gateway === undefined ? {} : { gateway: nodeRange('gateway-nodes', gateway) }),
      ...(media === undefined ? {} : { media: nodeRange('media-nodes', media) }),
    },
    coolDownMs,
    policy: { everyMs, keepMs: Math.max(coolDownMs, 4 * everyMs) },
  };
}

function rangeOf(text: string | undefined): Config['rtpPorts'] {
  if (text === undefined) return undefined;
  const [from = 0, to = 0] = text.split('-').map(Number);
  if (from < 1024 || to > 65_535 || to - from < 3) {
    throw new ConfigError('bad-option', `--rtp-ports ${text}: needs at least four ports between 1024 and 65535`);
  }
  return { from, to };
}

function nodeRange(option: string, range: string): NodeRange {
  const [min = 0, max = 0] = range.split('-').map(Number);
  if (max >= Math.max(1, min)) return { min, max };
  throw new ConfigError('bad-option', `--${option} ${range}: the second number is at least 1, and the first`);
}
