import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { processFacts } from '../fixtures/process-facts.ts';
import { endWithThisProcess } from '../fixtures/processes.ts';
import { startServer } from '../fixtures/server.ts';
import type { TestServer } from '../fixtures/server.ts';
import { freeUdpPort } from '../load/free-port.ts';
import { openBridgedLoad } from './bridged-load.ts';
import { Inspector } from './inspector.ts';
import type { SoakLoad } from './ports.ts';
import { openTwimlLoad } from './twiml-load.ts';

/** Longer than any SIP timer (64 T1 = 32 s), so that what is still there then is there for good. */
const QUIET_MS = 40_000;

/** What must be as before when nothing is going on. */
interface Leftovers {
  readonly heapBytes: number;
  /** Of these, the memory of the call trace. */
  readonly traceBytes: number;
  readonly resources: Readonly<Record<string, number>>;
  readonly udpSockets: number;
  readonly descriptors: number;
  /** The gauges of the server that count live things. */
  readonly gauges: Readonly<Record<string, number>>;
}

/** What kind of calls: of all kinds, most of them bridged; or run by documents of an application server, with REST read meanwhile. */
export type SoakMix = 'bridged' | 'twiml';

const LOADS: Readonly<Record<SoakMix, (server: TestServer) => Promise<SoakLoad>>> = {
  bridged: openBridgedLoad,
  twiml: openTwimlLoad,
};

export interface SoakOptions {
  readonly mix: SoakMix;
  /** Calls that are measured; those that fill caches come on top. */
  readonly calls: number;
  /** A second. */
  readonly rate: number;
  /** Bytes of every call that the server is made to keep for ever: the soak has to fail. */
  readonly leak?: number;
  /** Folder for a heap snapshot of each look, to be compared. */
  readonly snapshots?: string;
}

export interface SoakReport {
  readonly calls: number;
  /** Calls before anything was measured: until what is bounded was full. */
  readonly warmUpCalls: number;
  readonly failed: number;
  /** Answered 503 because the machine had no room; not among the calls. */
  readonly refused: number;
  readonly seconds: number;
  /** When the caches are full, after half of the calls, and at the end; each after a silence. */
  readonly before: Leftovers;
  readonly middle: Leftovers;
  readonly after: Leftovers;
  /** Over the first and the second half of the calls, each from silence to silence. */
  readonly heapSlopesBytesPerCall: readonly [number, number];
  readonly heapByBatch: readonly number[];
  /** Empty when all is well. */
  readonly problems: readonly string[];
}

/** Batches of the warm-up at most; a call trace that is not full by then grows for ever. */
const WARM_UP_BATCHES = 20;
/** A gauge that grew by less in a batch has reached its bound. */
const FULL = 1.01;

/**
 * Many calls of all kinds against a whole server (answered, rejected, given up, dialled on to a gateway, taken by a WebRTC
 * client), then a silence longer than every timer: heap, sockets, timers, dialogs, transactions and media objects are
 * compared with those after a warm-up that fills whatever has a bound, the heap with that after half of the calls.
 */
export async function soakCalls({ calls, rate, leak, snapshots, mix }: SoakOptions): Promise<SoakReport> {
  const gatewayPort = await freeUdpPort();
  const gateway = spawn('sipp', ['-sn', 'uas', '-i', '127.0.0.1', '-p', String(gatewayPort), '-nostdin', '-rtp_echo'], {
    stdio: 'ignore',
  });
  endWithThisProcess(gateway);
  const server = await startServer({
    args: ['--log-level', 'error'],
    gateway: `127.0.0.1:${gatewayPort}`,
    env: {
      NODE_OPTIONS: `--inspect=127.0.0.1:0${leak === undefined ? '' : ` --import ${join(import.meta.dirname, 'leak.mjs')}`}`,
      HOOKSWITCH_SOAK_LEAK: String(leak ?? 0),
    },
  });
  const inspector = await Inspector.open(/ws:\/\/\S+/.exec(server.process.output())?.[0] ?? '');
  const started = performance.now();
  let load: SoakLoad | undefined;
  try {
    const size = Math.min(2500, Math.ceil(calls / 4));
    load = await LOADS[mix](server);
    const { batch: placeBatch, warmUpCalls: fillsRings } = load;
    let [placed, failed, refused] = [0, 0, 0];
    const heapByBatch: number[] = [];
    const batch = async (): Promise<void> => {
      const outcome = await placeBatch({ size, rate });
      // What was refused for want of room is no call, if the load lets that pass.
      const refusedNow = (await refusedOf(server)) - refused;
      refused += refusedNow;
      placed += outcome.placed - refusedNow;
      failed += outcome.failed;
      heapByBatch.push((await inspector.facts()).heapBytes);
      process.stderr.write(
        `soak: ${placed} calls, ${failed} failed, ${refused} refused, heap ${mb(heapByBatch.at(-1) ?? 0)} MB\n`,
      );
    };
    const lookAtRest = async (name: string): Promise<Leftovers> => {
      await quiet();
      const seen = await look(server, inspector);
      if (snapshots !== undefined) await inspector.snapshot(resolve(snapshots, `${name}.heapsnapshot`));
      return seen;
    };
    // Code and pools are full after two batches, the hub's events after so many, the call trace when its bytes stay as they are.
    const warm = Math.min(WARM_UP_BATCHES - 1, Math.max(2, Math.ceil(fillsRings / size)));
    let [traced, filled] = [0, false];
    for (let batches = 1; !filled && batches <= WARM_UP_BATCHES; batches++) {
      await batch();
      const is = (await look(server, inspector)).traceBytes;
      filled = batches > warm && is <= traced * FULL;
      traced = is;
    }
    const before = await lookAtRest('before');
    const warmUpCalls = placed;
    while (placed < warmUpCalls + calls / 2) await batch();
    const middle = await lookAtRest('middle');
    const half = placed;
    while (placed < warmUpCalls + calls) await batch();
    const after = await lookAtRest('after');
    await load.finish();
    const slopes = [slope(before, middle, half - warmUpCalls), slope(middle, after, placed - half)] as const;
    return {
      calls: placed - warmUpCalls,
      warmUpCalls,
      failed,
      refused,
      seconds: Math.round((performance.now() - started) / 1000),
      before,
      middle,
      after,
      heapSlopesBytesPerCall: slopes,
      heapByBatch,
      problems: [
        ...(filled ? [] : [`the call trace never came to its bound: ${traced} bytes`]),
        ...problemsOf(before, after, { slope: Math.min(...slopes), failed }),
      ],
    };
  } finally {
    inspector.close();
    gateway.kill('SIGKILL');
    await load?.close();
    await server.stop();
  }
}

/** Bytes a call, rounded to tenths. */
const slope = (from: Leftovers, to: Leftovers, calls: number): number =>
  Math.round((10 * (to.heapBytes - from.heapBytes)) / calls) / 10;
const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, QUIET_MS));
const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** Gauges that count things which exist because of a call. */
const GAUGE =
  /^(hookswitch_(?:calls|sip_dialogs|sip_transactions|sip_calls|media_\w+|rtp_\w+|outbox_messages|trace_open\w*))(\{[^}]*\})? (\S+)$/;

async function refusedOf(server: TestServer): Promise<number> {
  const text = await (await fetch(new URL('/metrics', (await server.state()).health))).text();
  return Number(/^hookswitch_sip_overload_refused_total (\S+)$/m.exec(text)?.[1] ?? 0);
}

async function look(server: TestServer, inspector: Inspector): Promise<Leftovers> {
  const { health, pid } = await server.state();
  const { heapBytes, resources } = await inspector.facts();
  const text = await (await fetch(new URL('/metrics', health))).text();
  const gauges: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = GAUGE.exec(line) ?? [];
    if (name !== undefined && !name.endsWith('_total')) gauges[name + labels] = Number(value);
  }
  const traceBytes = Number(/^hookswitch_trace_bytes (\S+)$/m.exec(text)?.[1] ?? 0);
  return { heapBytes, traceBytes, resources, gauges, ...(await processFacts(pid)) };
}

/**
 * Growth of the heap that counts as flat, in the half in which it grows less: what is forgotten grows in both by as much. One of
 * them alone may: a heap at rest of 65 MB varies by a third of a megabyte, as the compiler adds code and throws code away.
 */
const FLAT_BYTES_PER_CALL = 64;

function problemsOf(
  before: Leftovers,
  after: Leftovers,
  { slope, failed }: { readonly slope: number; readonly failed: number },
): string[] {
  const problems: string[] = [];
  const compare = (what: string, was: number, is: number, slack = 0): void => {
    if (is > was + slack) problems.push(`${what}: ${was} before, ${is} after`);
  };
  for (const [name, is] of Object.entries(after.gauges)) compare(name, before.gauges[name] ?? 0, is);
  for (const kind of ['UDPWRAP', 'UDPSendWrap', 'ChildProcess'])
    compare(kind, before.resources[kind] ?? 0, after.resources[kind] ?? 0);
  // Idle keep-alive connections and the timers of periodic work come and go by themselves.
  for (const kind of ['Timeout', 'TCPSocketWrap', 'PipeWrap'])
    compare(kind, before.resources[kind] ?? 0, after.resources[kind] ?? 0, 8);
  compare('UDP sockets', before.udpSockets, after.udpSockets);
  compare('descriptors', before.descriptors, after.descriptors, 12);
  if (slope > FLAT_BYTES_PER_CALL) problems.push(`the heap grows by ${slope.toFixed(1)} bytes a call`);
  if (failed > 0) problems.push(`${failed} calls did not end as they should`);
  return problems;
}
