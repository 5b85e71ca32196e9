import { jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamManager } from '@nats-io/jetstream';
import { NoRespondersError, RequestError, TimeoutError } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { delay } from '../kernel/index.ts';
import type { Clock } from '../kernel/index.ts';

/** How long each attempt waits for an answer, milliseconds: together as long as one that is not repeated. */
const ATTEMPTS_MS = [1000, 1000, 3000] as const;
/** Before JetStream is asked again that has said that it is not there, milliseconds. */
const PAUSE_MS = 100;

/**
 * Asks JetStream what may be asked twice. nats-server before 2.9.21 loses or turns down such a request while it reloads its
 * configuration, which it does for every new API key.
 */
export class AskAgain {
  readonly #managers: readonly JetStreamManager[];
  readonly #clock: Clock;

  private constructor(managers: readonly JetStreamManager[], clock: Clock) {
    this.#managers = managers;
    this.#clock = clock;
  }

  static async over(nc: NatsConnection, clock: Clock): Promise<AskAgain> {
    const opened = ATTEMPTS_MS.map((timeout) => jetstreamManager(nc, { timeout, checkAPI: false }));
    return new AskAgain(await Promise.all(opened), clock);
  }

  /** @throws whatever the last attempt throws, or what is no such fault */
  async ask<T>(question: (jsm: JetStreamManager) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const jsm = this.#managers[attempt];
      if (jsm === undefined) throw new RangeError('no attempt is left');
      try {
        return await question(jsm);
      } catch (error) {
        const isLast = attempt === this.#managers.length - 1;
        if (isLast || !(isLost(error) || isTurnedDown(error))) throw error;
        if (isTurnedDown(error)) await delay(this.#clock, PAUSE_MS);
      }
    }
  }
}

function isLost(error: unknown): boolean {
  return error instanceof TimeoutError || (error instanceof RequestError && error.cause instanceof TimeoutError);
}

function isTurnedDown(error: unknown): boolean {
  if (error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders())) return true;
  // The library does not export its class.
  return error instanceof Error && error.name === 'JetStreamNotEnabled';
}
