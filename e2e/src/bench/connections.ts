import { readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { hubLoadProgram } from '../load/compile.ts';
import { HubLoad } from '../load/hub-load.ts';
import type { ClientKind } from '../load/hub-load.ts';
import { OurGateway, PEERS, nativeClients, socketIoClients } from '../load/hub-servers.ts';
import { Target } from '../load/target.ts';
import { median } from './result.ts';
import type { BenchResult } from './result.ts';

/** One server with its idle connections. */
interface Sample {
  readonly kb: number;
  readonly heap_kb: number;
  readonly handshakes_per_s: number;
}

interface Measured {
  readonly pid: number;
  readonly port: number;
  readonly clients: ClientKind;
  /** Collects garbage, then says how large the heap is. */
  figures(): Promise<{ heapUsed: number }>;
  close(): Promise<void>;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** No account of a benchmark has more than it may. */
const QUOTAS = { connections: 100_000, connectsPerSecond: 1e6, connectBurst: 1e6 };

/**
 * Idle connections: resident memory of the server's process with all of them less that before the first, garbage collected.
 * Ours are authenticated and have one subscription each; the peers' are connected and no more.
 */
export async function connections({ quick }: { quick: boolean }): Promise<BenchResult> {
  const count = quick ? 2000 : 10_000;
  const rounds = quick ? 1 : 3;
  const program = await hubLoadProgram();
  const samples: Record<'native' | 'socketio' | 'ws' | 'room', Sample[]> = {
    native: [],
    socketio: [],
    ws: [],
    room: [],
  };
  try {
    const measure = (open: Promise<Measured>): Promise<Sample> => idle(program.program, count, open);
    for (let round = 0; round < rounds; round++) {
      samples.native.push(await measure(ours('native')));
      samples.ws.push(await measure(peer('ws')));
      samples.socketio.push(await measure(ours('socketio')));
      samples.room.push(await measure(peer('socketio')));
    }
  } finally {
    await program.remove();
  }
  const middle = (of: readonly Sample[], key: keyof Sample): number =>
    Math.round(median(of.map((s) => s[key])) * 10) / 10;
  const { native, socketio, ws, room } = samples;
  return {
    load: { connections: count, rounds, load_average: loadavg()[0] },
    ours: {
      native_kb: middle(native, 'kb'),
      socketio_kb: middle(socketio, 'kb'),
      handshakes_per_s: Math.round(middle(native, 'handshakes_per_s')),
      native_heap_kb: middle(native, 'heap_kb'),
      socketio_heap_kb: middle(socketio, 'heap_kb'),
      socketio_handshakes_per_s: Math.round(middle(socketio, 'handshakes_per_s')),
    },
    peers: {
      ws_kb: middle(ws, 'kb'),
      socketio_kb: middle(room, 'kb'),
      ws_handshakes_per_s: Math.round(middle(ws, 'handshakes_per_s')),
      socketio_handshakes_per_s: Math.round(middle(room, 'handshakes_per_s')),
    },
    ratios: {
      native_kb_vs_ws: Math.round((middle(native, 'kb') / middle(ws, 'kb')) * 100) / 100,
      socketio_kb_vs_socketio: Math.round((middle(socketio, 'kb') / middle(room, 'kb')) * 100) / 100,
    },
    notes: [
      ...(program.note === undefined ? [] : [program.note]),
      'resident memory of the server process, user space only, after a garbage collection',
      'ours: token verified, one subscription each; a handshake ends with the answer to the subscription',
      'peers: plain ws, connected; plain Socket.IO, connected and in one room',
    ],
  };
}

async function idle(program: string, count: number, opening: Promise<Measured>): Promise<Sample> {
  const server = await opening;
  try {
    // What the first connections bring into memory once and for all does not count.
    const warm = await HubLoad.open(program, server.port, 200, server.clients);
    await warm.close();
    await sleep(500);
    const before = { ...(await server.figures()), rss: await resident(server.pid) };
    const load = await HubLoad.open(program, server.port, count, server.clients);
    await sleep(1500);
    const after = { ...(await server.figures()), rss: await resident(server.pid) };
    await load.close();
    return {
      kb: (after.rss - before.rss) / count / 1024,
      heap_kb: (after.heapUsed - before.heapUsed) / count / 1024,
      handshakes_per_s: count / load.connectSeconds,
    };
  } finally {
    await server.close();
  }
}

async function ours(kind: 'native' | 'socketio'): Promise<Measured> {
  const gateway = await OurGateway.start({ quotas: QUOTAS });
  return {
    pid: gateway.pid,
    port: gateway.hello.port,
    clients: kind === 'native' ? nativeClients(gateway.hello) : socketIoClients(gateway.hello),
    figures: () => gateway.figures(),
    close: () => gateway.close(),
  };
}

async function peer(name: 'ws' | 'socketio'): Promise<Measured> {
  const { target, hello } = await Target.start<{ port: number }>(PEERS[name].program);
  return {
    pid: target.pid,
    port: hello.port,
    clients: PEERS[name].clients,
    figures: () => target.ask('memory'),
    close: () => target.close(),
  };
}

async function resident(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) * 1024;
}
