import type { EventData } from '@hookswitch/shared';
import type { EventSink } from '../calls/ports.ts';
import { TimerSet } from '../kernel/index.ts';
import type { Clock } from '../kernel/index.ts';
import { QualityMeter } from '../media/index.ts';
import type { Leg, LegStatistics } from '../media/ports.ts';

/** What the reports need of a leg. */
export interface ReportedLeg {
  readonly accountSid: string;
  /** What every event of the leg says of it. */
  readonly facts: EventData<'call.held'>;
  readonly media: Leg;
  /** Periodic reports are made only while it hears another leg. */
  readonly isMerged: boolean;
}

/** The reports of one leg, from its answer to its end. */
export interface LegReports {
  /** Nothing audible comes, for so long already. */
  silent(forMs: number): void;
  audible(): void;
  /** Packets come that hold nothing audible: also an event of its own, `call.silence`. */
  quiet(forMs: number, levelDbov: number): void;
  /** The final report follows as soon as the last figures are there. To be called before the media is closed. Idempotent. */
  end(): void;
}

export interface QualityReportsOptions {
  readonly clock: Clock;
  readonly events: EventSink;
  /** Between two reports of a leg, milliseconds. */
  readonly intervalMs: number;
}

/** One timer looks after all legs, so often. */
const TICK_MS = 1_000;

/**
 * `call.quality` of every leg of this node: periodic while it is merged, and a final one. These events have no sequence number:
 * they may be left out (conflated) without a gap in the story of the call, and the final one may follow `call.ended`.
 */
export class QualityReports {
  readonly #options: QualityReportsOptions;
  readonly #timers: TimerSet<'tick'>;
  readonly #legs = new Set<Reports>();

  constructor(options: QualityReportsOptions) {
    this.#options = options;
    this.#timers = new TimerSet(options.clock, () => {
      this.#tick();
    });
  }

  /** Legs that are watched; 0 when idle, and then no timer runs. */
  get size(): number {
    return this.#legs.size;
  }

  begin(leg: ReportedLeg): LegReports {
    const reports = new Reports(leg, this.#options, () => {
      this.#legs.delete(reports);
      if (this.#legs.size === 0) this.#timers.stop('tick');
    });
    this.#legs.add(reports);
    if (this.#legs.size === 1) this.#timers.start('tick', TICK_MS);
    return reports;
  }

  /** Stops the periodic reports. */
  close(): void {
    this.#timers.close();
  }

  #tick(): void {
    this.#timers.start('tick', TICK_MS);
    const now = this.#options.clock.monotonic();
    for (const reports of this.#legs) reports.tick(now);
  }
}

class Reports implements LegReports {
  readonly #leg: ReportedLeg;
  readonly #options: QualityReportsOptions;
  readonly #onEnd: () => void;
  readonly #meter: QualityMeter;
  #dueAt: number;
  #isAsking = false;
  #isEnded = false;
  #silentSince: number | undefined;
  #silentMs = 0;

  constructor(leg: ReportedLeg, options: QualityReportsOptions, onEnd: () => void) {
    this.#leg = leg;
    this.#options = options;
    this.#onEnd = onEnd;
    this.#meter = new QualityMeter(this.#now);
    this.#dueAt = this.#now + options.intervalMs;
  }

  tick(now: number): void {
    if (now < this.#dueAt || this.#isAsking) return;
    this.#dueAt = now + this.#options.intervalMs;
    if (!this.#leg.isMerged) return;
    this.#isAsking = true;
    void this.#ask().then((statistics) => {
      this.#isAsking = false;
      if (statistics === undefined || this.#isEnded) return;
      const quality = this.#meter.sample(this.#now, statistics);
      this.#emit('call.quality', { scope: 'interval', leg: this.#leg.media.kind, ...quality });
    });
  }

  silent(forMs: number): void {
    this.#silentSince ??= this.#now - forMs;
  }

  audible(): void {
    if (this.#silentSince !== undefined) this.#silentMs += this.#now - this.#silentSince;
    this.#silentSince = undefined;
  }

  quiet(forMs: number, levelDbov: number): void {
    this.silent(forMs);
    this.#emit('call.silence', { seconds: Math.round(forMs / 1000), levelDbov });
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#onEnd();
    this.audible();
    const endedAt = this.#now;
    void this.#ask().then((statistics) => {
      const { mosMin, mosAverage, counters, ...quality } = this.#meter.summary(endedAt, statistics);
      this.#emit('call.quality', {
        scope: 'final',
        leg: this.#leg.media.kind,
        ...quality,
        summary: {
          ...(mosMin === undefined ? {} : { mosMin }),
          ...(mosAverage === undefined ? {} : { mosAverage }),
          silenceSeconds: Math.round(this.#silentMs / 100) / 10,
          counters,
        },
      });
    });
  }

  get #now(): number {
    return this.#options.clock.monotonic();
  }

  /** Undefined when the worker that counts is gone. */
  async #ask(): Promise<LegStatistics | undefined> {
    try {
      return await this.#leg.media.statistics();
    } catch {
      return undefined;
    }
  }

  #emit<T extends 'call.quality' | 'call.silence'>(
    type: T,
    facts: Omit<EventData<T>, keyof EventData<'call.held'>>,
  ): void {
    const { accountSid, facts: leg } = this.#leg;
    const data = { ...leg, ...facts } as unknown as EventData<T>;
    this.#options.events.emit({ accountSid, type, subject: leg.callSid, data });
  }
}
