import type { ClientFrameInput, ServerFrame } from '@hookswitch/shared';
import { clientError, hubError, onAbort } from '../kit/index.ts';
import type { Clock, HookswitchError, Timer } from '../kit/index.ts';

/** Commands that carry an id and are answered. */
type Command = Exclude<ClientFrameInput, { type: 'connect' | 'pong' }>;
/** A command before it gets its id. */
export type Unsent = Command extends infer C ? (C extends Command ? Omit<C, 'id'> : never) : never;
/** Answers carry the id of their command. */
export type Answer = Extract<ServerFrame, { id: number }>;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
  readonly timer: Timer;
  readonly endWatch: () => void;
}

/** Bound on commands without an answer; more are refused with `tooManyRequests`. */
const MAX_WAITING = 2000;
/** Of them sent; the others wait for their turn. The server takes 256 at once. */
const MAX_SENT = 200;

/** Pairs commands with their answers by id. A lost connection fails all that wait; none is repeated here. */
export class Requests {
  readonly #send: (frame: ClientFrameInput) => boolean;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  /** Those of them that are not sent yet, in order. */
  readonly #unsent = new Map<number, Unsent>();
  #nextId = 1;

  constructor(send: (frame: ClientFrameInput) => boolean, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  /**
   * @throws HookswitchError the server's error, or `offline`, `connectionLost`, `timeout`, `tooManyRequests`; the signal's
   * reason when it is aborted (what the server does about the command is not known then)
   */
  request(command: Unsent, timeoutMs = 10_000, signal?: AbortSignal): Promise<Answer> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    if (this.#waiting.size >= MAX_WAITING) return Promise.reject(clientError('tooManyRequests'));
    const id = this.#nextId++;
    const now = this.#waiting.size - this.#unsent.size < MAX_SENT;
    if (now && !this.#send({ ...command, id })) return Promise.reject(clientError('offline'));
    if (!now) this.#unsent.set(id, command);
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(timeoutMs, () => {
        const message = `the server did not answer '${command.type}' within ${timeoutMs} ms`;
        this.fail(id, clientError('timeout', { message }));
      });
      const endWatch = onAbort(signal, (reason) => {
        this.fail(id, reason);
      });
      this.#waiting.set(id, { resolve, reject, timer, endWatch });
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

  fail(id: number, error: unknown): void {
    this.#take(id)?.reject(error);
  }

  failAll(error: HookswitchError): void {
    this.#unsent.clear();
    for (const id of [...this.#waiting.keys()]) this.fail(id, error);
  }

  get size(): number {
    return this.#waiting.size;
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(id);
    waiting.timer.cancel();
    waiting.endWatch();
    if (!this.#unsent.delete(id)) this.#sendNext();
    return waiting;
  }

  #sendNext(): void {
    for (const [id, command] of this.#unsent) {
      this.#unsent.delete(id);
      if (!this.#send({ ...command, id })) this.failAll(clientError('offline'));
      return;
    }
  }
}
