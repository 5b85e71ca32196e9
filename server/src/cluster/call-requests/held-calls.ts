import type { Clock } from '../../kernel/index.ts';
import type { CallQueue } from '../scheduler/index.ts';
import type { Ticket } from './ticket.ts';

/** A request that counts as a call of its account. */
export interface Held {
  readonly accountSid: string;
  readonly callSid: string;
  /** What it does, as the queue knew it. */
  readonly application: string | undefined;
  /** `taken`: here, on its way to a node. */
  state: 'taken' | 'claimed' | 'dialling';
  node: string | undefined;
  /** `monotonic()` of when this doer took it from its queue. */
  readonly takenAt: number | undefined;
}

/** Calls that are on their way to a node or there: each is counted by the queue, from when it is known until it is released. */
export class HeldCalls {
  readonly #queue: CallQueue<Ticket>;
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();

  constructor(queue: CallQueue<Ticket>, clock: Clock) {
    this.#queue = queue;
    this.#clock = clock;
  }

  get size(): number {
    return this.#held.size;
  }

  all(): Iterable<Held> {
    return this.#held.values();
  }

  /** Whether it is this one still: a call may be queued and held again. */
  isHeld(held: Held): boolean {
    return this.#held.get(held.callSid) === held;
  }

  /** One that the queue has just given out. */
  take({ accountSid, callSid, application }: Ticket, node: string): Held {
    const held: Held = { accountSid, callSid, application, state: 'taken', node, takenAt: this.#clock.monotonic() };
    this.#held.set(callSid, held);
    return held;
  }

  /** A call that this doer did not take from the queue is one of its account all the same. */
  hold(accountSid: string, callSid: string, application: string | undefined): Held {
    let held = this.#held.get(callSid);
    if (held !== undefined) return held;
    this.#queue.remove(callSid);
    this.#queue.adopt(accountSid, this.#clock.now());
    held = { accountSid, callSid, application, state: 'claimed', node: undefined, takenAt: undefined };
    this.#held.set(callSid, held);
    return held;
  }

  /** @returns what was held */
  release(callSid: string): Held | undefined {
    const held = this.#held.get(callSid);
    if (held === undefined) return undefined;
    this.#held.delete(callSid);
    this.#queue.ended(held.accountSid, this.#clock.now());
    return held;
  }
}
