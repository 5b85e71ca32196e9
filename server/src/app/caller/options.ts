import { parseArgs } from 'node:util';
import { z } from 'zod';

/** What `npm run call` was asked to do. */
export interface CallerOptions {
  readonly mode: { readonly kind: 'call'; readonly to: string } | { readonly kind: 'listen'; readonly port: number };
  readonly from: string;
  readonly media:
    | { readonly kind: 'say'; readonly text: string }
    | { readonly kind: 'tone'; readonly hz: number }
    | { readonly kind: 'wav'; readonly file: string };
  readonly codec: 'PCMU' | 'PCMA';
  /** Sent one second after the answer. */
  readonly digits: string | undefined;
  /** The caller hangs up so long after the answer; undefined: when the far end does, or Ctrl-C. */
  readonly durationMs: number | undefined;
  /** The caller gives up when nobody answered for so long. */
  readonly ringMs: number;
  readonly record: string | undefined;
  readonly server: { readonly host: string; readonly port: number } | undefined;
  readonly dataDir: string | undefined;
  readonly json: boolean;
}

export const CALLER_HELP = `npm run call -- --to +15550100 [options]     a simulated caller rings that number
npm run call -- --listen [options]           a simulated callee answers what comes in

  --to NUMBER        the number or SIP user to call
  --listen           wait for calls, by default where the demo trunk sends outgoing ones
  --port PORT        port of --listen (default 5070)
  --from NUMBER      caller's number (default +15550199)
  --say TEXT         what the caller says, over and over (default: a few sentences)
  --tone HZ          play a tone instead
  --wav FILE         play a wav file instead
  --codec CODEC      PCMU (default) or PCMA
  --digits DIGITS    DTMF to send after the answer (w waits half a second)
  --duration SECONDS hang up so long after the answer (default: when the far end does, or Ctrl-C)
  --ring SECONDS     give up when nobody answered (default 60)
  --record FILE      where to write what was heard (default: a file under the data directory)
  --server HOST:PORT the SIP address to call (default: the running server, by its run-state file)
  --data-dir DIR     data directory of the running server
  --json             print one JSON line per step`;

const numberIn = (min: number, max: number): z.ZodType<number> => z.coerce.number().min(min).max(max);
const schema = z.object({
  to: z
    .string()
    .regex(/^[^\s@<>"]{1,64}$/, 'a number such as +15550100')
    .optional(),
  listen: z.boolean().default(false),
  port: numberIn(0, 65_535).default(5070),
  from: z
    .string()
    .regex(/^[^\s@<>"]{1,64}$/)
    .default('+15550199'),
  say: z.string().min(1).max(2000).optional(),
  tone: numberIn(50, 3800).optional(),
  wav: z.string().optional(),
  codec: z.enum(['PCMU', 'PCMA']).default('PCMU'),
  digits: z
    .string()
    .regex(/^[0-9A-D#*wW]{1,64}$/)
    .optional(),
  duration: numberIn(0.1, 86_400).optional(),
  ring: numberIn(1, 600).default(60),
  record: z.string().optional(),
  server: z
    .string()
    .regex(/^[^:\s]+:\d+$/, 'HOST:PORT')
    .optional(),
  'data-dir': z.string().optional(),
  json: z.boolean().default(false),
});

const SPEECH =
  'Hello. This is a simulated caller. If you can hear this, the call reached your browser. Please say something: it is being recorded.';

/** @throws Error with a sentence for the user */
export function readCallerOptions(argv: readonly string[]): CallerOptions | 'help' {
  const text = { type: 'string' as const };
  const flag = { type: 'boolean' as const };
  const { values } = parseArgs({
    args: [...argv],
    options: {
      to: text,
      port: text,
      from: text,
      say: text,
      tone: text,
      wav: text,
      codec: text,
      digits: text,
      duration: text,
      ring: text,
      record: text,
      server: text,
      'data-dir': text,
      listen: flag,
      json: flag,
      help: flag,
    },
  });
  if (values.help === true) return 'help';
  const parsed = schema.safeParse(values);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(`--${String(issue?.path[0])}: ${issue?.message ?? 'is not valid'}`);
  }
  const data = parsed.data;
  if (data.listen === (data.to !== undefined)) throw new Error('give either --to NUMBER or --listen');
  if ([data.say, data.tone, data.wav].filter((x) => x !== undefined).length > 1) {
    throw new Error('give only one of --say, --tone and --wav');
  }
  return {
    mode: data.to === undefined ? { kind: 'listen', port: data.port } : { kind: 'call', to: data.to },
    from: data.from,
    media: mediaOf(data),
    codec: data.codec,
    digits: data.digits,
    durationMs: data.duration === undefined ? undefined : data.duration * 1000,
    ringMs: data.ring * 1000,
    record: data.record,
    server: addressOf(data.server),
    dataDir: data['data-dir'],
    json: data.json,
  };
}

function mediaOf(data: z.infer<typeof schema>): CallerOptions['media'] {
  if (data.wav !== undefined) return { kind: 'wav', file: data.wav };
  if (data.tone !== undefined) return { kind: 'tone', hz: data.tone };
  return { kind: 'say', text: data.say ?? SPEECH };
}

function addressOf(text: string | undefined): CallerOptions['server'] {
  if (text === undefined) return undefined;
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}
