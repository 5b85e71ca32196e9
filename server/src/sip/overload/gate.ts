import { MachineRunner } from '../../kernel/index.ts';
import type { Clock, Metrics, MetricCounter, Timer } from '../../kernel/index.ts';
import { eventLoopLoad } from './load-meter.ts';
import type { LoadMeter } from './load-meter.ts';
import { NOT_OVERLOADED, OVERLOAD, overloadMachine } from './machine.ts';
import type { OverloadEffect, OverloadInput, OverloadLimits, OverloadState } from './machine.ts';
import { RecentKeys } from './recent-keys.ts';

/** What there is to be told of an overload: when it begins, every 10 s while it lasts, and when it is over. */
export interface OverloadReport {
  readonly what: 'overloaded' | 'still-overloaded' | 'recovered';
  /** Calls refused since it began. */
  readonly refused: number;
  /** Share of new calls that are taken now, 0 to 1. */
  readonly share: number;
  /** At the last look: share of the time that the event loop worked, 0 to 1. */
  readonly load: number;
  /** At the last look: milliseconds that a timer came late. */
  readonly lateMs: number;
  /** At the last look: milliseconds that what arrived waited before it was read, where that is known. */
  readonly delayMs?: number;
  /** At the last look: new calls without any answer. */
  readonly waiting: number;
}

export interface OverloadOptions {
  readonly limits?: Partial<OverloadLimits>;
  /** Default: the event loop of this thread. */
  readonly meter?: LoadMeter;
  /** Must not throw. */
  readonly onReport?: (report: OverloadReport) => void;
}

export interface OverloadParts extends OverloadOptions {
  readonly clock: Clock;
  /** How long what arrives waits before it is read, milliseconds, since the last call (default: not known). */
  readonly receiveDelay?: () => number | undefined;
  readonly metrics?: Metrics | undefined;
}

/** How long a retransmission of a refused INVITE is refused too (64 T1), milliseconds. */
const REMEMBER_MS = 32_000;
const MOST_REMEMBERED = 50_000;
/** Looks without a new call before looking stops. */
const IDLE_TICKS = 20;

/**
 * Says of each new call whether there is room for it: {@link overloadMachine} with a clock. A call that was refused stays
 * refused when its INVITE comes again (RFC 3261 section 8.2.7: a stateless server answers alike).
 *
 * It looks only while calls come. Lifetime: to `close()`.
 */
export class OverloadGate {
  readonly #clock: Clock;
  readonly #limits: OverloadLimits;
  readonly #meter: LoadMeter;
  readonly #receiveDelay: () => number | undefined;
  readonly #onReport: (report: OverloadReport) => void;
  readonly #runner: MachineRunner<OverloadState, OverloadInput, OverloadEffect>;
  readonly #refusedKeys = new RecentKeys({ max: MOST_REMEMBERED, lifeMs: REMEMBER_MS });
  #counter: MetricCounter | undefined;
  #timer: Timer | undefined;
  #last: OverloadInput = { kind: 'tick', load: 0, lateMs: 0, waiting: 0, calls: 0 };
  #waiting = 0;
  /** Parts of a call that are due: at one, a call is taken. */
  #credit = 0;
  /** New calls since the last look, and those of them that were taken. */
  #calls = 0;
  #taken = 0;
  #idle = 0;
  #refusedNow = 0;
  #refused = 0;

  constructor({ clock, metrics, limits, meter, receiveDelay, onReport }: OverloadParts) {
    this.#clock = clock;
    this.#limits = { ...OVERLOAD, ...limits };
    this.#meter = meter ?? eventLoopLoad();
    this.#receiveDelay = receiveDelay ?? (() => undefined);
    this.#onReport = onReport ?? (() => undefined);
    this.#runner = new MachineRunner({
      machine: overloadMachine(this.#limits),
      initial: NOT_OVERLOADED,
      perform: ({ what }, state) => {
        this.#report(what, state);
      },
    });
    if (metrics === undefined) return;
    this.#counter = metrics.counter('hookswitch_sip_overload_refused_total', 'New calls answered 503 for want of room');
    const share = 'Share of new calls that are taken: 1, or less in overload';
    metrics.gauge('hookswitch_sip_overload_share', share, [], () => this.share);
    const waiting = 'New calls that nobody has answered in any way yet';
    metrics.gauge('hookswitch_sip_waiting_calls', waiting, [], () => this.#waiting);
  }

  /** Share of new calls that are taken. */
  get share(): number {
    const { state } = this.#runner;
    return state.name === 'normal' ? 1 : state.share;
  }

  /** New calls refused since the start, retransmissions not counted. */
  get refused(): number {
    return this.#refused;
  }

  /** @param key the same for retransmissions of the INVITE */
  admits(key: string): boolean {
    this.#calls++;
    this.#timer ??= this.#start();
    const now = this.#clock.monotonic();
    if (this.#refusedKeys.has(key, now)) return false;
    const { share } = this;
    if (share === 1 || this.#taken < this.#limits.leastCalls || this.#isDue(share)) {
      this.#taken++;
      return true;
    }
    this.#refusedKeys.add(key, now);
    this.#refused++;
    this.#refusedNow++;
    this.#counter?.inc();
    return false;
  }

  /** Of `n` calls in a row, `n * share` are. */
  #isDue(share: number): boolean {
    this.#credit += share;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }

  /** A call waits for its first answer, until the function that this returns is called; more than once does no harm. */
  waits(): () => void {
    let waiting = true;
    this.#waiting++;
    return () => {
      if (!waiting) return;
      waiting = false;
      this.#waiting--;
    };
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #start(): Timer {
    this.#meter.read();
    this.#receiveDelay();
    this.#idle = 0;
    return this.#wait();
  }

  #wait(): Timer {
    const due = this.#clock.monotonic() + this.#limits.tickMs;
    return this.#clock.setTimer(this.#limits.tickMs, () => {
      this.#look(Math.max(0, this.#clock.monotonic() - due));
    });
  }

  #look(lateMs: number): void {
    const [load, delayMs] = [this.#meter.read(), this.#receiveDelay()];
    this.#last = { kind: 'tick', load, lateMs, delayMs, waiting: this.#waiting, calls: this.#calls };
    this.#runner.dispatch(this.#last);
    this.#idle = this.#calls > 0 ? 0 : this.#idle + 1;
    this.#calls = 0;
    this.#taken = 0;
    const rests = this.#idle >= IDLE_TICKS && this.#runner.state.name === 'normal' && this.#waiting === 0;
    this.#timer = rests ? undefined : this.#wait();
  }

  #report(what: OverloadReport['what'], state: OverloadState): void {
    if (what === 'overloaded') this.#refusedNow = 0;
    const { load, lateMs, delayMs, waiting } = this.#last;
    const share = state.name === 'normal' ? 1 : state.share;
    const known = delayMs === undefined ? {} : { delayMs };
    this.#onReport({ what, refused: this.#refusedNow, share, load, lateMs, ...known, waiting });
  }
}
