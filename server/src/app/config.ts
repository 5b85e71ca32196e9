import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { networkInterfaces } from 'node:os';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { DomainError } from '../kernel/index.ts';

/** The start command was given something it cannot use. The message names the option and what it takes. */
export class ConfigError extends DomainError<'bad-option'> {}

/** Root of the checkout: default data directory, built page, demo application. */
export const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

/** Options of `start`: name, what it takes, default, help. Each may also be given as HOOKSWITCH_<NAME>. */
const OPTIONS = {
  'data-dir': { value: 'DIR', help: 'where state is kept (default .hookswitch in the repository)' },
  host: {
    value: 'ADDRESS',
    help: 'address of the page, the hub and the API (default 127.0.0.1, with --public-address 0.0.0.0)',
  },
  port: {
    value: 'PORT',
    help: 'port of the page, the hub and the API (default 8080, or a free one when that is taken)',
  },
  'sip-host': {
    value: 'ADDRESS',
    help: 'address SIP and RTP are bound to (default 127.0.0.1, with --public-address 0.0.0.0)',
  },
  'sip-port': { value: 'PORT', help: 'UDP port of SIP (default 5060, or a free one when that is taken)' },
  'rtp-ports': { value: 'FROM-TO', help: 'UDP ports for RTP towards carriers (default: free ones)' },
  'webrtc-host': { value: 'ADDRESS', help: 'address WebRTC is bound to (default as --host)' },
  'webrtc-port': { value: 'PORT', help: 'first UDP and TCP port for WebRTC, one per worker (default: free ones)' },
  'media-workers': { value: 'N', help: 'mediasoup workers (default: one per core)' },
  'public-address': { value: 'IP', help: 'address announced in SIP, SDP and ICE; also serves the page over TLS' },
  'tls-cert': {
    value: 'FILE',
    help: 'certificate chain (PEM) for the page; default with --public-address: self-signed',
  },
  'tls-key': { value: 'FILE', help: 'private key (PEM) of --tls-cert' },
  'allow-trunk': { value: 'CIDR,...', help: 'further addresses that the demo trunk accepts calls from' },
  'demo-gateway': { value: 'HOST:PORT', help: 'where the demo trunk sends outgoing calls (default 127.0.0.1:5070)' },
  'log-level': { value: 'LEVEL', help: 'trace, debug, info, warn, error or silent (default info)' },
} as const;
const FLAGS = {
  'no-demo': 'do not run the demo application',
  'log-json': 'log JSON lines also on a terminal',
  help: 'show this help',
} as const;

type OptionName = keyof typeof OPTIONS;

const port = z.coerce.number().int().min(0).max(65_535);
const schema = z.object({
  'data-dir': z.string().min(1).default(join(REPOSITORY, '.hookswitch')),
  host: z.union([z.ipv4(), z.ipv6()]).optional(),
  port: port.optional(),
  'sip-host': z.union([z.ipv4(), z.ipv6()]).optional(),
  'sip-port': port.optional(),
  'rtp-ports': z
    .string()
    .regex(/^\d+-\d+$/, 'expected FROM-TO, such as 20000-29999')
    .optional(),
  'webrtc-host': z.union([z.ipv4(), z.ipv6()]).optional(),
  'webrtc-port': port.optional(),
  'media-workers': z.coerce.number().int().min(1).max(64).optional(),
  'public-address': z.union([z.ipv4(), z.ipv6()]).optional(),
  'tls-cert': z.string().optional(),
  'tls-key': z.string().optional(),
  'allow-trunk': z
    .string()
    .transform((list) => list.split(','))
    .pipe(z.array(z.union([z.cidrv4(), z.cidrv6()])))
    .default([]),
  'demo-gateway': z
    .string()
    .regex(/^[^:\s]+:\d+$/, 'expected HOST:PORT')
    .default('127.0.0.1:5070'),
  'log-level': z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** Everything `start` needs to know. Ports: `preferred` is taken when free, `fixed` must be free, 0 means any. */
export interface Config {
  readonly dataDir: string;
  readonly repository: string;
  readonly http: { readonly host: string; readonly port: PortChoice };
  readonly tls: { readonly certFile: string; readonly keyFile: string } | 'self-signed' | undefined;
  readonly publicAddress: string | undefined;
  readonly sip: { readonly host: string; readonly port: PortChoice };
  readonly rtpPorts: { readonly from: number; readonly to: number } | undefined;
  readonly webrtc: { readonly host: string; readonly port: number; readonly workers: number | undefined };
  readonly trunk: { readonly allow: readonly string[]; readonly gateway: string };
  readonly demo: boolean;
  readonly natsUrl: string | undefined;
  readonly databaseUrl: string | undefined;
  readonly log: { readonly level: z.infer<typeof schema>['log-level']; readonly json: boolean };
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
  const given = parse(argv);
  if (given.flags.has('help')) return 'help';
  const values: Record<string, string> = {};
  for (const name of Object.keys(OPTIONS) as OptionName[]) {
    const value = given.values[name] ?? env[`HOOKSWITCH_${name.toUpperCase().replaceAll('-', '_')}`];
    if (value !== undefined) values[name] = value;
  }
  const parsed = schema.safeParse(values);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const name = String(issue?.path[0]) as OptionName;
    throw new ConfigError(
      'bad-option',
      `--${name} ${values[name] ?? ''}: ${issue?.message ?? 'is not valid'} (${OPTIONS[name].help})`,
    );
  }
  return assemble(parsed.data, given.flags, env);
}

function assemble(
  data: z.infer<typeof schema>,
  flags: ReadonlySet<string>,
  env: Readonly<Record<string, string | undefined>>,
): Config {
  const publicAddress = data['public-address'];
  const anywhere = publicAddress === undefined ? '127.0.0.1' : '0.0.0.0';
  const host = data.host ?? anywhere;
  return {
    dataDir: resolve(data['data-dir']),
    repository: REPOSITORY,
    http: { host, port: choice(data.port, 8080) },
    tls: tlsOf(data['tls-cert'], data['tls-key'], publicAddress),
    publicAddress,
    sip: { host: data['sip-host'] ?? anywhere, port: choice(data['sip-port'], 5060) },
    rtpPorts: rangeOf(data['rtp-ports']),
    webrtc: { host: data['webrtc-host'] ?? host, port: data['webrtc-port'] ?? 0, workers: data['media-workers'] },
    trunk: {
      allow: ['127.0.0.0/8', '::1/128', ...(publicAddress === undefined ? [] : ownAddresses()), ...data['allow-trunk']],
      gateway: data['demo-gateway'],
    },
    demo: !flags.has('no-demo'),
    natsUrl: nonEmpty(env['NATS_URL']),
    databaseUrl: nonEmpty(env['DATABASE_URL']),
    log: { level: data['log-level'], json: flags.has('log-json') },
  };
}

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

function tlsOf(cert: string | undefined, key: string | undefined, publicAddress: string | undefined): Config['tls'] {
  if ((cert === undefined) !== (key === undefined)) {
    throw new ConfigError('bad-option', '--tls-cert and --tls-key belong together: give both or none');
  }
  if (cert === undefined || key === undefined) return publicAddress === undefined ? undefined : 'self-signed';
  for (const file of [cert, key]) {
    if (!existsSync(file))
      throw new ConfigError('bad-option', `${file} does not exist: --tls-cert and --tls-key take PEM files`);
  }
  return { certFile: cert, keyFile: key };
}

function rangeOf(text: string | undefined): Config['rtpPorts'] {
  if (text === undefined) return undefined;
  const [from = 0, to = 0] = text.split('-').map(Number);
  if (from < 1024 || to > 65_535 || to - from < 3) {
    throw new ConfigError('bad-option', `--rtp-ports ${text}: needs at least four ports between 1024 and 65535`);
  }
  return { from, to };
}

function parse(argv: readonly string[]): { values: Partial<Record<string, string>>; flags: Set<string> } {
  try {
    const { values } = parseArgs({
      args: [...argv],
      strict: true,
      allowPositionals: false,
      options: {
        ...Object.fromEntries(Object.keys(OPTIONS).map((name) => [name, { type: 'string' as const }])),
        ...Object.fromEntries(Object.keys(FLAGS).map((name) => [name, { type: 'boolean' as const }])),
      },
    });
    const strings: Partial<Record<string, string>> = {};
    const flags = new Set<string>();
    for (const [name, value] of Object.entries(values)) {
      if (typeof value === 'string') strings[name] = value;
      else if (value === true) flags.add(name);
    }
    return { values: strings, flags };
  } catch (error) {
    throw new ConfigError('bad-option', `${(error as Error).message.split('\n')[0] ?? ''} (see: npm start -- --help)`, {
      cause: error,
    });
  }
}

/** The text of `npm start -- --help`. */
export function configHelp(): string {
  const rows = [
    ...Object.entries(OPTIONS).map(([name, { value, help }]) => [`--${name} ${value}`, help] as const),
    ...Object.entries(FLAGS).map(([name, help]) => [`--${name}`, help] as const),
  ];
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    'npm start -- [options]',
    '',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`),
    '',
    'Every option with a value can be given in the environment as HOOKSWITCH_<NAME>. NATS_URL and DATABASE_URL replace the embedded servers.',
  ].join('\n');
}
