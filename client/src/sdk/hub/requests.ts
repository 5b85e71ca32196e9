import type { ClientFrameInput, ServerFrame } from '@hookswitch/shared';
import { clientError, hubError } from '../kit/index.ts';
import type { Clock, HookswitchError, Timer } from '../kit/index.ts';

/** Commands that carry an id and are answered. */
type Command = Exclude<ClientFrameInput, { type: 'connect' | 'pong' }>;
/** A command before it gets its id. */
export type Unsent = Command extends infer C ? (C extends Command ? Omit<C, 'id'> : never) : never;
/** Answers carry the id of their command. */
export type Answer = Extract<ServerFrame, { id: number }>;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: HookswitchError) => void;
  readonly timer: Timer;
}

/** Bound on commands without an answer; more are refused with `tooManyRequests`. */
const MAX_WAITING = 1000;

/** Pairs commands with their answers by id. A lost connection fails all that wait: none is repeated silently. */
export class Requests {
  readonly #send: (frame: ClientFrameInput) => boolean;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  constructor(send: (frame: ClientFrameInput) => boolean, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  /** @throws HookswitchError the server's error, or `offline`, `connectionLost`, `timeout`, `tooManyRequests` */
  request(command: Unsent, timeoutMs = 10_000): Promise<Answer> {
    if (this.#waiting.size >= MAX_WAITING) return Promise.reject(clientError('tooManyRequests'));
    const id = this.#nextId++;
    if (!this.#send({ ...command, id })) return Promise.reject(clientError('offline'));
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(timeoutMs, () => {
        this.#waiting.delete(id);
        reject(
          clientError('timeout', { message: `the server did not answer '${command.type}' within ${timeoutMs} ms` }),
        );
      });
      this.#waiting.set(id, { resolve, reject, timer });
    });
  }

  /** @returns false when no command with this id waits */
  settle(answer: Answer | Extract<ServerFrame, { type: 'error' }>): boolean {
    const waiting = answer.id === undefined ? undefined : this.#take(answer.id);
    if (waiting === undefined) return false;
    if (answer.type === 'error') waiting.reject(hubError(answer));
    else waiting.resolve(answer);
    return true;
  }

  fail(id: number, error: HookswitchError): void {
    this.#take(id)?.reject(error);
  }

  failAll(error: HookswitchError): void {
    for (const id of [...this.#waiting.keys()]) this.fail(id, error);
  }

  get size(): number {
    return this.#waiting.size;
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.timer.cancel();
    return waiting;
  }
}
