import { HUB_ERRORS } from '@hookswitch/shared';
import type { SoftphonePush } from '@hookswitch/shared';
import { Timers, clientError, deferred, hubError } from '../kit/index.ts';
import type { Clock, Deferred } from '../kit/index.ts';
import type { MessageAnswer } from './call-events.ts';

type AnswerPush = Extract<SoftphonePush, { type: 'message-answer' }>;

/** Longer than the server gives the application and a lost device, milliseconds. */
const ANSWER_MS = 45_000;

/** Messages of a call that wait for their answers. Closed with the call. */
export class MessageAnswers {
  readonly #clock: Clock;
  readonly #timers: Timers<string>;
  readonly #waiting = new Map<string, Deferred<MessageAnswer>>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timers = new Timers(clock);
  }

  /** An id that this call has not used, another page that takes the call over included. */
  nextId(): string {
    return `${this.#clock.now().toString(36)}-${++this.#count}`;
  }

  /** Sends and waits. `send` resolves when the message is stored. */
  async wait(messageId: string, send: () => Promise<unknown>): Promise<MessageAnswer> {
    const waiting = deferred<MessageAnswer>();
    // Heard below; the answer may fail while the request still runs.
    waiting.promise.catch(() => undefined);
    this.#waiting.set(messageId, waiting);
    this.#timers.start(messageId, ANSWER_MS, () => {
      waiting.reject(clientError('timeout'));
    });
    try {
      await send();
      return await waiting.promise;
    } finally {
      this.#timers.stop(messageId);
      if (this.#waiting.get(messageId) === waiting) this.#waiting.delete(messageId);
    }
  }

  answered({ messageId, messageSid, answer, problem }: AnswerPush): void {
    const waiting = this.#waiting.get(messageId);
    if (problem === undefined) waiting?.resolve({ messageSid, answer });
    else waiting?.reject(hubError({ ...HUB_ERRORS.messageNotAnswered, message: problem }));
  }

  close(): void {
    this.#timers.stopAll();
    for (const waiting of this.#waiting.values()) waiting.reject(hubError(HUB_ERRORS.callGone));
  }
}
