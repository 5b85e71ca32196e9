import type { FakeClock } from '../../kernel/clock.fake.ts';
import type { Random } from '../../kernel/index.ts';
import type { Endpoint } from '../transport/api.ts';
import { FakeTransport } from './transport.fake.ts';

/** What a network does to a message; each with a probability of its own, 0 to 1. */
export interface Faults {
  readonly loss: number;
  readonly duplication: number;
  /** Held back for up to a second, so that later messages overtake it. */
  readonly reordering: number;
  /** Late by up to five seconds. */
  readonly delay: number;
}

/** 20 % of everything. */
export const BAD_NETWORK: Faults = { loss: 0.2, duplication: 0.2, reordering: 0.2, delay: 0.2 };

/** Two transports that reach one another over a network with faults, on a clock that stands still. */
export function lossyLink(options: {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly faults: Faults;
  readonly reliable?: boolean;
}): readonly [LossyTransport, LossyTransport] {
  const left = new LossyTransport(options);
  const right = new LossyTransport(options);
  left.peer = right;
  right.peer = left;
  return [left, right];
}

export class LossyTransport extends FakeTransport {
  peer: LossyTransport | undefined;
  /** Messages handed to the network. */
  messages = 0;
  readonly #clock: FakeClock;
  readonly #random: Random;
  readonly #faults: Faults;

  constructor(options: Parameters<typeof lossyLink>[0]) {
    super(options.reliable === true ? { reliable: true } : {});
    this.#clock = options.clock;
    this.#random = options.random;
    this.#faults = options.faults;
  }

  override send(bytes: Buffer, destination: Endpoint): string | undefined {
    this.messages++;
    const copies = this.#happens(this.#faults.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#happens(this.#faults.loss)) continue;
      const held = this.#happens(this.#faults.reordering) ? this.#random.int(1000) : 0;
      const late = this.#happens(this.#faults.delay) ? this.#random.int(5000) : 0;
      this.#clock.setTimer(1 + this.#random.int(20) + held + late, () => {
        this.peer?.deliver(Buffer.from(bytes));
      });
    }
    return destination.flow;
  }

  #happens(probability: number): boolean {
    return this.#random.fraction() < probability;
  }
}
