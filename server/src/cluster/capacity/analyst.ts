import { describeError } from '../../kernel/index.ts';
import type { Log } from '../../kernel/index.ts';
import { CAPACITY_POLICY, analyse } from './analysis.ts';
import { LoadForecast } from './forecast.ts';
import { LoadHistory } from './load-history.ts';
import type { CapacityDecision, CapacityPolicy, CapacityStore, LoadSample } from './ports.ts';

/** Decisions that are kept, for people. */
export const KEPT_DECISIONS = 500;
/** A decision that changes nothing is kept this often, milliseconds. */
const HOLD_EVERY_MS = 10 * 60_000;
/** History is written this often, milliseconds. */
const SAVE_EVERY_MS = 5 * 60_000;

/** Minutes that the forecast has to have seen before anything is built on it: a day. Until then what is now counts. */
export const TRUSTED_AFTER_MINUTES = 1440;

export interface AnalystOptions {
  readonly store: CapacityStore;
  readonly policy?: Partial<CapacityPolicy>;
  readonly log: Log;
}

/**
 * Says how many nodes there should be, by what it has seen over weeks; keeps that and its decisions over restarts. One
 * doer in the cluster.
 */
export class CapacityAnalyst {
  readonly policy: CapacityPolicy;
  readonly #options: AnalystOptions;
  readonly #history: LoadHistory;
  readonly #forecast = new LoadForecast();
  readonly #decisions: CapacityDecision[];
  #slot: number;
  #seen = 0;
  #savedAt = -Infinity;
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: AnalystOptions, history: LoadHistory, decisions: readonly CapacityDecision[]) {
    this.#options = options;
    this.policy = { ...CAPACITY_POLICY, ...options.policy };
    this.#history = history;
    this.#decisions = decisions.toSorted((a, b) => a.at - b.at).slice(-KEPT_DECISIONS);
    this.#slot = decisions.length;
    for (const { at, load } of history.samples()) {
      this.#forecast.observe(at, load);
      this.#seen++;
    }
  }

  /** With what was kept. @throws what the store throws */
  static async open(options: AnalystOptions): Promise<CapacityAnalyst> {
    const [days, decisions] = await Promise.all([options.store.days(), options.store.decisions()]);
    return new CapacityAnalyst(options, new LoadHistory(days), decisions);
  }

  /** The newest last. */
  get decisions(): readonly CapacityDecision[] {
    return this.#decisions;
  }

  /** Minutes that the forecast has learnt from. */
  get seenMinutes(): number {
    return this.#seen;
  }

  /** Looks at what is, decides, and keeps both. Times must rise. */
  decide(sample: LoadSample): CapacityDecision {
    const minute = this.#history.observe(sample.at, sample.load);
    if (minute !== undefined) {
      this.#forecast.observe(minute.at, minute.load);
      this.#seen++;
    }
    const forecast = this.#seen >= TRUSTED_AFTER_MINUTES ? this.#forecast : undefined;
    const decision = analyse({ sample, forecast, policy: this.policy });
    this.#keep(decision);
    if (sample.at - this.#savedAt >= SAVE_EVERY_MS) this.#save(sample.at);
    return decision;
  }

  /** Writes what is not written yet. Never rejects. */
  async close(now: number): Promise<void> {
    this.#save(now);
    await this.#writing;
  }

  #keep(decision: CapacityDecision): void {
    const last = this.#decisions.at(-1);
    const isNews = last?.wanted !== decision.wanted || last.action !== decision.action;
    if (!isNews && decision.at - last.at < HOLD_EVERY_MS) return;
    this.#decisions.push(decision);
    if (this.#decisions.length > KEPT_DECISIONS) this.#decisions.shift();
    const slot = this.#slot++ % KEPT_DECISIONS;
    this.#write(() => this.#options.store.saveDecision(slot, decision));
    if (decision.action === 'hold') return;
    const { action, nodes, wanted, reasons } = decision;
    this.#options.log.info({ action, nodes, wanted }, `capacity: ${reasons[0] ?? ''}`);
  }

  #save(now: number): void {
    this.#savedAt = now;
    const { store } = this.#options;
    for (const old of this.#history.prune(now)) this.#write(() => store.removeDay(old));
    for (const day of this.#history.takeChanged()) this.#write(() => store.saveDay(day));
  }

  #write(work: () => Promise<void>): void {
    this.#writing = this.#writing.then(work).catch((error: unknown) => {
      this.#options.log.warn({ reason: describeError(error) }, 'history of the capacity analysis was not written');
    });
  }
}
