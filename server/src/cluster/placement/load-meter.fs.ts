import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '../../kernel/index.ts';
import type { LoadMeter, NodeLoad } from './ports.ts';

/** The event loop is looked at this often, milliseconds; that much belongs to every measured delay. */
const RESOLUTION_MS = 20;
/** Linux counts processor time in hundredths of a second on every machine that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface ProcessMeterOptions {
  /** Processes of this node beside the own one: media workers. */
  readonly pids: () => readonly number[];
  readonly clock: Clock;
}

/**
 * Measures this process: processor time of its main thread's process and of its workers, delay of the event loop, and
 * datagrams of the machine from `/proc/self/net/snmp`. Where there is no such file (macOS) packets are 0.
 */
export class ProcessMeter implements LoadMeter {
  readonly #options: ProcessMeterOptions;
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #at: number;
  #datagrams: number;
  #seconds = new Map<number, number>();

  constructor(options: ProcessMeterOptions) {
    this.#options = options;
    this.#at = options.clock.monotonic();
    this.#datagrams = datagrams();
    this.#delay.enable();
  }

  read(): Pick<NodeLoad, 'cpu' | 'loopLagMs' | 'packetsPerSecond'> {
    const now = this.#options.clock.monotonic();
    const elapsed = Math.max(0.001, (now - this.#at) / 1000);
    this.#at = now;
    const [before, after] = [this.#datagrams, datagrams()];
    this.#datagrams = after;
    const lag = this.#delay.count === 0 ? 0 : this.#delay.percentile(99) / 1e6 - RESOLUTION_MS;
    this.#delay.reset();
    return {
      cpu: this.#busiest(elapsed),
      loopLagMs: rounded(Math.max(0, lag), 10),
      packetsPerSecond: Math.round(Math.max(0, after - before) / elapsed),
    };
  }

  close(): void {
    this.#delay.disable();
  }

  #busiest(elapsed: number): number {
    const before = this.#seconds;
    this.#seconds = new Map();
    let most = 0;
    for (const [pid, seconds] of this.#usage()) {
      this.#seconds.set(pid, seconds);
      most = Math.max(most, (seconds - (before.get(pid) ?? seconds)) / elapsed);
    }
    return rounded(Math.min(1, most), 1000);
  }

  *#usage(): Generator<readonly [pid: number, seconds: number]> {
    const { user, system } = process.cpuUsage();
    yield [process.pid, (user + system) / 1e6];
    for (const pid of this.#options.pids()) yield [pid, cpuSeconds(pid)];
  }
}

const rounded = (value: number, parts: number): number => Math.round(value * parts) / parts;

/** proc(5): user and system time are fields 14 and 15, after a name that may hold anything. */
function cpuSeconds(pid: number): number {
  const fields = read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND;
}

/** Datagrams in and out since the machine started. */
function datagrams(): number {
  const [, values = ''] = read('/proc/self/net/snmp').match(/^Udp: .*$/gm) ?? [];
  const [, received = 0, , , sent = 0] = values.split(' ').map(Number);
  return received + sent;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
