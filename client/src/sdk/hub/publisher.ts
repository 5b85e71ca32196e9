import type { Position } from '@hookswitch/shared';
import { HookswitchError, clientError, onAbort } from '../kit/index.ts';
import type { Clock } from '../kit/index.ts';
import type { Answer, Unsent } from './requests.ts';

export interface PublishOptions {
  /** CloudEvents type (default `app.message`). */
  readonly type?: string;
  /** Names the event: publishing it again within five minutes changes nothing (default: made by the library). */
  readonly eventId?: string;
  /** How long it is tried, over lost connections too, milliseconds (default 30 000, at most 240 000; 0: once). */
  readonly timeoutMs?: number;
  /** Gives up waiting; an event that was sent may be stored all the same. */
  readonly signal?: AbortSignal;
}

export interface PublisherParts {
  readonly request: (command: Unsent, timeoutMs: number | undefined, signal: AbortSignal) => Promise<Answer>;
  /** Resolves when there is a connection. Rejects when there will be none, or with the signal's reason. */
  readonly online: (signal: AbortSignal) => Promise<unknown>;
  readonly clock: Clock;
}

/** The server knows an event id for five minutes: a later repetition could store the event twice. */
const MAX_TIMEOUT_MS = 240_000;
const DEFAULT_TIMEOUT_MS = 30_000;
/** Events that wait to be stored; more are refused with `tooManyRequests`. */
const MAX_WAITING = 1000;
/** A server that is there and cannot store events just now is asked again after this. */
const PAUSE_MS = 500;
/** What a repetition can help against. A quota (`limitExceeded`) is left to the application. */
const REPEATED: ReadonlySet<string> = new Set(['offline', 'connectionLost', 'timeout', 'unavailable', 'internal']);

/** Publishes events so that each is stored once: under an id, and again with the same one while that is not known. */
export class Publisher {
  readonly #parts: PublisherParts;
  #waiting = 0;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** @throws HookswitchError the last failure when the time is up, or one that a repetition does not help against */
  async publish(topic: string, data: unknown, options: PublishOptions = {}): Promise<Position> {
    if (this.#waiting >= MAX_WAITING) throw clientError('tooManyRequests');
    const { type, eventId = newEventId(), timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    const command: Unsent = { type: 'publish', topic, data, eventId, ...(type === undefined ? {} : { event: type }) };
    const giveUp = new AbortController();
    const endWatch = onAbort(signal, (reason) => {
      giveUp.abort(reason);
    });
    let isLast = timeoutMs <= 0;
    let failure: unknown;
    const timer = this.#parts.clock.setTimer(Math.min(timeoutMs, MAX_TIMEOUT_MS), () => {
      isLast = true;
      // While nothing is under way there is no answer to wait for.
      if (failure !== undefined) giveUp.abort(failure);
    });
    this.#waiting += 1;
    try {
      for (;;) {
        try {
          failure = undefined;
          return await this.#once(command, giveUp.signal);
        } catch (error) {
          if (isLast || !(error instanceof HookswitchError) || !REPEATED.has(error.name)) throw error;
          failure = error;
        }
        const { name } = failure as HookswitchError;
        if (name === 'offline' || name === 'connectionLost') await this.#parts.online(giveUp.signal);
        else await this.#pause(giveUp.signal);
      }
    } finally {
      this.#waiting -= 1;
      timer.cancel();
      endWatch();
    }
  }

  async #once(command: Unsent, signal: AbortSignal): Promise<Position> {
    const answer = await this.#parts.request(command, undefined, signal);
    if (answer.type !== 'published') throw clientError('badAnswer');
    return answer.position;
  }

  #pause(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#parts.clock.setTimer(PAUSE_MS, () => {
        endWatch();
        resolve();
      });
      const endWatch = onAbort(signal, (reason) => {
        timer.cancel();
        reject(reason);
      });
    });
  }
}

/** 128 random bits. `randomUUID` is for secure pages only. */
function newEventId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
