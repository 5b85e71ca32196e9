import type { Clock, Timer } from '../../kernel/index.ts';
import type { LoadMeter, LoadReports, NodeLoad } from './ports.ts';

/** Between two reports of a node, milliseconds: one message of some 200 bytes a second and node. */
export const REPORT_MS = 1000;

export interface LoadReporterOptions {
  readonly node: string;
  readonly reports: LoadReports;
  readonly meter: LoadMeter;
  readonly capacity: number;
  readonly startupMs: () => number;
  readonly channels: () => number;
  readonly draining: () => boolean;
  /** Says nothing yet: a node that starts is neither there nor going (default: never). */
  readonly silent?: () => boolean;
  readonly clock: Clock;
}

/** Says how this node is, once a second, and at once when it is asked to. Lifetime: from creation to `close()`. */
export class LoadReporter {
  readonly #options: LoadReporterOptions;
  #timer: Timer | undefined;
  #measured: ReturnType<LoadMeter['read']>;
  #closed = false;

  constructor(options: LoadReporterOptions) {
    this.#options = options;
    this.#measured = options.meter.read();
    this.#tick();
  }

  /** What it says now. */
  get load(): NodeLoad {
    const { node, capacity, channels, draining, startupMs } = this.#options;
    const [used, leaves] = [channels(), draining()];
    return { node, channels: used, capacity, ...this.#measured, draining: leaves, startupMs: startupMs() };
  }

  /** Something changed that nobody should wait a second for. */
  sayNow(): void {
    if (this.#closed || this.#options.silent?.() === true) return;
    this.#options.reports.publish(this.load);
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#options.meter.close();
  }

  #tick(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.setTimer(REPORT_MS, () => {
      this.#measured = this.#options.meter.read();
      this.#tick();
    });
    this.sayNow();
  }
}
