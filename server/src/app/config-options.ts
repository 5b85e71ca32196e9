import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
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
  roles: {
    value: 'gateway,call,media|gateway,call|gateway|media',
    help: 'what this process does (default gateway,call,media: everything); gateway alone serves clients of the hub, media alone makes and keeps audio for calls, each beside a process that has the role call, and needs its NATS_URL and HOOKSWITCH_MASTER_KEY',
  },
  host: {
    value: 'ADDRESS',
    help: 'address of the page, the hub and the API (default 127.0.0.1, with --public-address 0.0.0.0)',
  },
  port: {
    value: 'PORT',
    help: 'port of the page, the hub and the API (default 8080, or a free one when that is taken)',
  },
  'sip-host': {
    value: 'ADDRESS,...',
    help: 'address SIP and RTP are bound to (default 127.0.0.1, with --public-address 0.0.0.0); a second one, of the other family, is for SIP alone',
  },
  'sip-port': { value: 'PORT', help: 'UDP and TCP port of SIP (default 5060, or a free one when that is taken)' },
  'sip-strangers': {
    value: 'reject|ignore',
    help: 'what SIP peers that no trunk or phone is known by get: a refusal, or nothing (default reject)',
  },
  'sip-100rel': {
    value: 'off|supported|required',
    help: 'reliable ringing and early media, RFC 3262 (default supported); a trunk may say otherwise',
  },
  'sip-session-timer': {
    value: 'SECONDS',
    help: 'calls are refreshed this often, RFC 4028 (default 1800, at least 90); a trunk may say otherwise',
  },
  'sip-keepalive': {
    value: 'SECONDS',
    help: 'between two CRLF over UDP to carriers that we are registered at and to phones behind NAT (default 25; 0: none)',
  },
  'sip-tls-port': {
    value: 'PORT',
    help: 'port of SIP over TLS (default: none; with --sip-tls-cert 5061, or a free one when that is taken)',
  },
  'sip-tls-cert': {
    value: 'FILE',
    help: 'certificate chain (PEM) for SIP over TLS, read again when it changes; default with --sip-tls-port: self-signed',
  },
  'sip-tls-key': { value: 'FILE', help: 'private key (PEM) of --sip-tls-cert' },
  'sip-tls-ca': {
    value: 'FILE',
    help: 'authorities (PEM) that certificates of SIP peers are checked by (default: those of Node.js)',
  },
  'sip-tls-clients': {
    value: 'none|ask|require',
    help: 'certificates of peers that connect for SIP over TLS (default none: not asked for)',
  },
  'rtp-ports': { value: 'FROM-TO', help: 'UDP ports for RTP towards carriers (default: free ones)' },
  'webrtc-host': { value: 'ADDRESS', help: 'address WebRTC is bound to (default as --host)' },
  'webrtc-port': { value: 'PORT', help: 'first UDP and TCP port for WebRTC, one per worker (default: free ones)' },
  'media-workers': { value: 'N', help: 'mediasoup workers (default: one per core)' },
  'media-handover': {
    value: 'on|off',
    help: 'whether media workers carry the audio of bridged calls without Node while nothing needs it (default on)',
  },
  'media-timeout': { value: 'SECONDS', help: 'without packets from an answered party, its leg ends (default 60)' },
  'quality-interval': { value: 'SECONDS', help: 'between two call.quality events of a merged leg (default 10)' },
  'public-address': { value: 'IP', help: 'address announced in SIP, SDP and ICE; also serves the page over TLS' },
  'tls-cert': {
    value: 'FILE',
    help: 'certificate chain (PEM) for the page; default with --public-address: self-signed',
  },
  'tls-key': { value: 'FILE', help: 'private key (PEM) of --tls-cert' },
  'allow-trunk': { value: 'CIDR,...', help: 'further addresses that the demo trunk accepts calls from' },
  'demo-gateway': { value: 'HOST:PORT', help: 'where the demo trunk sends outgoing calls (default 127.0.0.1:5070)' },
  'call-capacity': {
    value: 'N',
    help: 'legs of calls that this process may have: callers are refused (503) above it, outgoing calls wait at nine tenths (default: no refusal; 200 for placement and the size of the cluster)',
  },
  'drain-seconds': {
    value: 'SECONDS',
    help: 'after SIGTERM live calls may finish for so long; Ctrl-C ends them at once (default 25; 0-86400)',
  },
  allocator: {
    value: 'off|observe|local|command|webhook|kubernetes',
    help: 'who makes call nodes and takes them away as they are needed (default observe: it is decided and shown, nobody acts); see docs/cluster.md',
  },
  'allocator-target': {
    value: 'PATH|URL|NAMESPACE/DEPLOYMENT',
    help: 'of --allocator command, webhook and kubernetes',
  },
  'call-nodes': {
    value: 'MIN-MAX',
    help: 'call nodes that there are at least and at most, with --allocator (default 1-4)',
  },
  'gateway-nodes': {
    value: 'MIN-MAX',
    help: 'processes with the role gateway alone that there are at least and at most, with --allocator (default: none are made)',
  },
  'media-nodes': {
    value: 'MIN-MAX',
    help: 'the same for the role media alone (default: none are made)',
  },
  'allocator-cooldown': {
    value: 'SECONDS',
    help: 'nodes are taken away when fewer were needed for so long, and nothing changed (default 300)',
  },
  trace: { value: 'on|off', help: 'keep what happens to calls in memory, for `hookswitch trace` (default on)' },
  'trace-digits': { value: 'masked|shown', help: 'keys that callers press, in the call trace (default masked)' },
  'session-idle': {
    value: 'SECONDS',
    help: 'cookies of application servers are kept this long after their last use (default 14400; 60-86400)',
  },
  'metrics-accounts': {
    value: 'N',
    help: 'accounts that have series of their own in /metrics, the busiest ones (default 50; 0-1000)',
  },
  'ice-servers': {
    value: 'URL,...',
    help: 'STUN and TURN servers that POST Tokens.json tells of, such as turn:turn.example.com?transport=udp',
  },
  'turn-secret': {
    value: 'TEXT',
    help: 'shared with those TURN servers (coturn: static-auth-secret), better given as HOOKSWITCH_TURN_SECRET',
  },
  'media-private': {
    value: 'CIDR,...',
    help: 'further addresses, not public ones, that recordings may be fetched from (loopback is one while --host is loopback)',
  },
  'voice-config': {
    value: 'FILE',
    help: 'a text-to-speech service behind HTTP, as JSON (docs/media.md); without it the voices of this machine speak',
  },
  'webhook-private': {
    value: 'on|off',
    help: 'whether webhooks may be sent to private and loopback addresses (default off)',
  },
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
  roles: z.enum(['gateway,call,media', 'gateway,call', 'gateway', 'media']).default('gateway,call,media'),
  host: z.union([z.ipv4(), z.ipv6()]).optional(),
  port: port.optional(),
  'sip-host': z
    .string()
    .transform((list) => list.split(','))
    .pipe(z.array(z.union([z.ipv4(), z.ipv6()])).max(2))
    .refine(([a, b]) => b === undefined || a?.includes(':') !== b.includes(':'), 'one of each family at most')
    .optional(),
  'sip-port': port.optional(),
  'sip-strangers': z.enum(['reject', 'ignore']).default('reject'),
  'sip-100rel': z.enum(['off', 'supported', 'required']).default('supported'),
  'sip-session-timer': z.coerce.number().int().min(90).max(86_400).default(1800),
  'sip-keepalive': z.coerce.number().int().min(0).max(3600).default(25),
  'sip-tls-port': port.optional(),
  'sip-tls-cert': z.string().optional(),
  'sip-tls-key': z.string().optional(),
  'sip-tls-ca': z.string().optional(),
  'sip-tls-clients': z.enum(['none', 'ask', 'require']).default('none'),
  'rtp-ports': z
    .string()
    .regex(/^\d+-\d+$/, 'expected FROM-TO, such as 20000-29999')
    .optional(),
  'webrtc-host': z.union([z.ipv4(), z.ipv6()]).optional(),
  'webrtc-port': port.optional(),
  'media-handover': z.enum(['on', 'off']).default('on'),
  'media-workers': z.coerce.number().int().min(1).max(64).optional(),
  'media-timeout': z.coerce.number().int().min(10).max(86_400).default(60),
  'quality-interval': z.coerce.number().int().min(1).max(3600).default(10),
  'public-address': z.union([z.ipv4(), z.ipv6()]).optional(),
  'tls-cert': z.string().optional(),
  'tls-key': z.string().optional(),
  'allow-trunk': z
    .string()
    .transform((list) => list.split(','))
    .pipe(z.array(z.union([z.cidrv4(), z.cidrv6()])))
    .default([]),
  'media-private': z
    .string()
    .transform((list) => list.split(','))
    .pipe(z.array(z.union([z.cidrv4(), z.cidrv6()])))
    .default([]),
  'demo-gateway': z
    .string()
    .regex(/^[^:\s]+:\d+$/, 'expected HOST:PORT')
    .default('127.0.0.1:5070'),
  'call-capacity': z.coerce.number().int().min(1).max(100_000).optional(),
  'drain-seconds': z.coerce.number().int().min(0).max(86_400).default(25),
  allocator: z.enum(['off', 'observe', 'local', 'command', 'webhook', 'kubernetes']).default('observe'),
  'allocator-target': z.string().min(1).optional(),
  'call-nodes': z
    .string()
    .regex(/^\d{1,4}-\d{1,4}$/, 'expected MIN-MAX, such as 1-4')
    .default('1-4'),
  'gateway-nodes': z
    .string()
    .regex(/^\d{1,4}-\d{1,4}$/, 'expected MIN-MAX, such as 1-4')
    .optional(),
  'media-nodes': z
    .string()
    .regex(/^\d{1,4}-\d{1,4}$/, 'expected MIN-MAX, such as 1-4')
    .optional(),
  'allocator-cooldown': z.coerce.number().int().min(1).max(86_400).default(300),
  trace: z.enum(['on', 'off']).default('on'),
  'trace-digits': z.enum(['masked', 'shown']).default('masked'),
  'metrics-accounts': z.coerce.number().int().min(0).max(1000).default(50),
  'session-idle': z.coerce.number().int().min(60).max(86_400).default(14_400),
  'ice-servers': z
    .string()
    .transform((list) => list.split(',').map((url) => url.trim()))
    .pipe(
      z.array(z.string().regex(/^(?:stuns?|turns?):[^\s,]+$/, 'expected stun:, turn: or turns: and a host')).max(20),
    )
    .default([]),
  'turn-secret': z.string().min(8, 'expected at least 8 characters').optional(),
  'voice-config': z.string().min(1).optional(),
  'webhook-private': z.enum(['on', 'off']).default('off'),
  'log-level': z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});
/** What was given, each value checked by itself, with its default. */
export type OptionValues = z.infer<typeof schema>;

/** From the command line, else the environment. @throws ConfigError for unknown options and values out of range */
export function readOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): { readonly data: OptionValues; readonly flags: ReadonlySet<string> } | 'help' {
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
  return { data: parsed.data, flags: given.flags };
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
