import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { callTraceSchema, traceListSchema } from '@hookswitch/shared';
import type { TraceHead } from '@hookswitch/shared';
import { describeError } from '../../kernel/index.ts';
import { renderLadder } from '../../trace/index.ts';
import type { CommandIo } from '../io.ts';
import { readRunState } from '../run-state.ts';
import type { RunState } from '../run-state.ts';
import { operatorGet } from './operator-http.ts';
import { table } from './output.ts';
import { UsageError } from './usage-error.ts';

/** For the overview of all commands. */
export const TRACE_HELP = 'shows what happened to a call, as a ladder; without a CallSid: the latest calls';

const USAGE = [
  'usage: hookswitch trace [CALLSID | SIP-CALL-ID | --last [N]] [--full] [--pcap FILE] [--width N] [--json]',
  `  ${TRACE_HELP}`,
  '  --last [N]     the ladders of the last N calls (default 1)',
  '  --full         whole messages below their arrows',
  '  --pcap FILE    write the SIP messages as a packet capture for Wireshark and tshark',
  '  --width N      characters a line may have (default: of the terminal, else 120)',
  '  --data-dir DIR data directory of the running server',
];

interface TraceArguments {
  readonly id: string | undefined;
  /** Ladders of the last so many calls. */
  readonly last: number | undefined;
  readonly full: boolean;
  readonly json: boolean;
  readonly pcap: string | undefined;
  readonly width: number | undefined;
  readonly dataDir: string | undefined;
}

/** `hookswitch trace ...`: asks the running server. @returns the exit code; never rejects */
export async function runTrace(argv: readonly string[], io: CommandIo): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    for (const line of USAGE) io.out(line);
    return 0;
  }
  try {
    const args = readArguments(argv);
    const state = serverOf(io, args);
    if (args.id === undefined && args.last === undefined) await list(state, args, io);
    else for (const id of await idsOf(state, args)) await show(state, { ...args, id }, io);
    return 0;
  } catch (error) {
    io.error(`hookswitch: ${describeError(error)}`);
    if (!(error instanceof UsageError) || error.reason !== 'usage') return 1;
    io.error(USAGE[0] ?? '');
    return 2;
  }
}

function serverOf(io: CommandIo, { dataDir = io.defaultDataDir }: TraceArguments): RunState {
  const state = readRunState(resolve(dataDir));
  if (state !== undefined) return state;
  const message = `no server runs on ${resolve(dataDir)}: start it with \`npm start\`, or name another --data-dir`;
  throw new UsageError('no-server', message);
}

async function recent(state: RunState, limit: number): Promise<readonly TraceHead[]> {
  const body = await operatorGet(state, `/v1/traces?limit=${limit}`);
  return traceListSchema.parse(JSON.parse(body.toString('utf8'))).calls;
}

async function list(state: RunState, { json }: TraceArguments, io: CommandIo): Promise<void> {
  const calls = await recent(state, 20);
  if (json) {
    io.out(JSON.stringify(calls, null, 2));
    return;
  }
  const rows = calls.map((call) => ({
    started: new Date(call.startedAt).toISOString(),
    id: call.id,
    what: call.title,
    from: call.from,
    to: call.to,
    legs: call.callSids.length,
    seconds: (call.durationMs / 1000).toFixed(1),
    status: call.status,
  }));
  for (const line of table(rows)) io.out(line);
}

async function idsOf(state: RunState, { id, last }: TraceArguments): Promise<string[]> {
  if (id !== undefined) return [id];
  const calls = (await recent(state, 500)).filter(({ callSids }) => callSids.length > 0).slice(0, last);
  if (calls.length === 0) throw new UsageError('no-server', 'no call was traced since the server started');
  return calls.map((call) => call.id).reverse();
}

async function show(state: RunState, args: TraceArguments & { readonly id: string }, io: CommandIo): Promise<void> {
  const path = `/v1/traces/${encodeURIComponent(args.id)}`;
  if (args.pcap !== undefined) {
    const capture = await operatorGet(state, `${path}.pcap`);
    writeFileSync(args.pcap, capture, { mode: 0o600 });
    io.out(`${args.pcap}: ${capture.length} bytes`);
    return;
  }
  const trace = callTraceSchema.parse(JSON.parse((await operatorGet(state, `${path}.json`)).toString('utf8')));
  if (args.json) {
    io.out(JSON.stringify(trace, null, 2));
    return;
  }
  const width = args.width ?? io.columns;
  const lines = renderLadder(trace, { full: args.full, ...(width === undefined ? {} : { width }) });
  for (const line of lines) io.out(line);
}

/** @throws UsageError */
function readArguments(argv: readonly string[]): TraceArguments {
  const { rest, last } = takeLast(argv);
  let parsed;
  try {
    parsed = parseArgs({
      args: rest,
      allowPositionals: true,
      strict: true,
      options: {
        full: { type: 'boolean' },
        json: { type: 'boolean' },
        pcap: { type: 'string' },
        width: { type: 'string' },
        'data-dir': { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError('usage', `trace: ${(error as Error).message.split(/\.\s/)[0] ?? ''}`, { cause: error });
  }
  const { values, positionals } = parsed;
  const [id, surplus] = positionals;
  if (surplus !== undefined) throw new UsageError('usage', `trace: '${surplus}' is too much`);
  if (id !== undefined && last !== undefined) throw new UsageError('usage', 'trace: name a call or --last, not both');
  if (values.pcap !== undefined && (last ?? 1) > 1) throw new UsageError('usage', 'trace: --pcap takes one call');
  if (values.pcap !== undefined && id === undefined && last === undefined) {
    throw new UsageError('usage', 'trace: --pcap needs a call or --last');
  }
  const width = values.width === undefined ? undefined : whole('--width', values.width, 500);
  const { full = false, json = false, pcap } = values;
  return { id, last, full, json, pcap, width, dataDir: values['data-dir'] };
}

/** `--last` may stand alone, which parseArgs has no notion of. */
function takeLast(argv: readonly string[]): { rest: string[]; last: number | undefined } {
  const at = argv.findIndex((word) => word === '--last' || word.startsWith('--last='));
  if (at < 0) return { rest: [...argv], last: undefined };
  const [word = '', next = ''] = argv.slice(at);
  const given = word.includes('=') ? word.slice('--last='.length) : undefined;
  const separate = given === undefined && /^\d+$/.test(next);
  const last = given ?? (separate ? next : '1');
  return { rest: argv.toSpliced(at, separate ? 2 : 1), last: whole('--last', last, 500) };
}

function whole(option: string, text: string, most: number): number {
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= most) return Number(text);
  throw new UsageError('usage', `trace: ${option} ${text}: expected a whole number from 1 to ${most}`);
}
