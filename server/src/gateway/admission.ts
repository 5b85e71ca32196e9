import type { Clock, Random, Timer } from '../kernel/index.ts';
import type { Entrant } from './ports.ts';

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Connections between their first byte and a good token (default 512): more wait. */
  readonly maxHandshakes?: number;
  /** Connections at once, those in their handshake included. */
  readonly maxConnections: number;
  /** Clients that wait for their turn (default 5000): more are sent away. */
  readonly maxWaiting?: number;
}

export type RefusedFor = 'shutdown' | 'overloaded';

export interface Refusal {
  readonly reason: RefusedFor;
  /** Jittered, so that those who were sent away together do not come back together. */
  readonly retryAfterMs: number;
}

/** One who waits, and since when (monotonic milliseconds). */
interface Waiting {
  readonly entrant: Entrant;
  readonly since: number;
}

/** Those who are sent away come back within this time, each at a moment of its own. */
const RETRY_MIN_MS = 500;
const RETRY_SPREAD_MS = 3000;
/** Nobody new waits while the first in line has waited for so long: the line does not get shorter by being longer. */
const LONGEST_WAIT_MS = 4000;
/** Letting clients in may take this much of the event loop at a time; then everything else has its turn. */
const SLICE_MS = 8;

/**
 * Who is let in, and when. A storm of reconnecting clients waits in line, before anything is done for them, and is taken in
 * slices of the event loop at the pace at which handshakes are finished. Only where the line is too long, or does not move,
 * does a client get a short answer with the time to come back, instead of everybody's time.
 */
export class Admission {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #maxHandshakes: number;
  readonly #maxConnections: number;
  readonly #maxWaiting: number;
  #line: Waiting[] = [];
  #head = 0;
  #slice: Timer | undefined;
  /** When the slice that new clients may still use up began, and what is used of it. */
  #sliceBegan = -Infinity;
  #used = 0;
  #connections = 0;
  #handshakes = 0;
  #draining = false;

  constructor(options: AdmissionOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#maxHandshakes = options.maxHandshakes ?? 512;
    this.#maxConnections = options.maxConnections;
    this.#maxWaiting = options.maxWaiting ?? 5000;
  }

  get handshakes(): number {
    return this.#handshakes;
  }

  /** Clients in line. */
  get waiting(): number {
    return this.#line.length - this.#head;
  }

  /** From now on everybody is sent away, those in line first. */
  drain(): void {
    this.#draining = true;
    this.#slice?.cancel();
    this.#slice = undefined;
    const line = this.#line.slice(this.#head);
    this.#line = [];
    this.#head = 0;
    for (const { entrant } of line) entrant.refuse(this.retryAfter());
  }

  /** Lets the client in, now or when it is its turn. A refusal was told to it already. */
  ask(entrant: Entrant): Refusal | undefined {
    const refusal = this.refusal() ?? this.#lineRefusal();
    if (refusal !== undefined) {
      entrant.refuse(refusal.retryAfterMs);
      return refusal;
    }
    const now = this.#clock.monotonic();
    if (now - this.#sliceBegan > 2 * SLICE_MS) {
      this.#sliceBegan = now;
      this.#used = 0;
    }
    if (this.waiting === 0 && this.#hasRoom && this.#used < SLICE_MS) {
      entrant.enter();
      this.#used += this.#clock.monotonic() - now;
    } else {
      this.#line.push({ entrant, since: now });
      this.#goOn();
    }
    return undefined;
  }

  /** For whoever comes without having asked. Undefined: come in. */
  refusal(): Refusal | undefined {
    if (this.#draining) return { reason: 'shutdown', retryAfterMs: this.retryAfter() };
    return this.#connections + this.waiting >= this.#maxConnections ? this.#overloaded() : undefined;
  }

  retryAfter(): number {
    return RETRY_MIN_MS + this.#random.int(RETRY_SPREAD_MS);
  }

  /** A connection is there; `authenticated` is to be called at most once, `gone` once. */
  entered(): void {
    this.#connections += 1;
    this.#handshakes += 1;
  }

  authenticated(): void {
    this.#handshakes -= 1;
    this.#goOn();
  }

  /** @param duringHandshake it was never authenticated */
  gone(duringHandshake: boolean): void {
    this.#connections -= 1;
    if (duringHandshake) this.#handshakes -= 1;
    this.#goOn();
  }

  get #hasRoom(): boolean {
    return this.#handshakes < this.#maxHandshakes;
  }

  #overloaded(): Refusal {
    return { reason: 'overloaded', retryAfterMs: this.retryAfter() };
  }

  #lineRefusal(): Refusal | undefined {
    if (this.waiting >= this.#maxWaiting && !(this.waiting === 0 && this.#hasRoom)) return this.#overloaded();
    const first = this.#line[this.#head];
    const waited = first === undefined ? 0 : this.#clock.monotonic() - first.since;
    return waited > LONGEST_WAIT_MS ? this.#overloaded() : undefined;
  }

  #goOn(): void {
    if (this.waiting === 0 || !this.#hasRoom) return;
    this.#slice ??= this.#clock.setTimer(0, () => {
      this.#slice = undefined;
      this.#letIn();
    });
  }

  #letIn(): void {
    const until = this.#clock.monotonic() + SLICE_MS;
    while (this.#hasRoom && this.#clock.monotonic() < until) {
      const next = this.#line[this.#head];
      if (next === undefined) break;
      this.#head += 1;
      next.entrant.enter();
    }
    if (this.#head === this.#line.length || this.#head > 1024) {
      this.#line = this.#line.slice(this.#head);
      this.#head = 0;
    }
    this.#goOn();
  }
}
