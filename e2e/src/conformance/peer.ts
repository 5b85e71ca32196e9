import { setTimeout as delay } from 'node:timers/promises';
import { serverFrameSchema } from '@hookswitch/shared';
import type { ServerFrame } from '@hookswitch/shared';
import type { Link, OpenLink } from './links.ts';

export type Frame<T extends ServerFrame['type']> = Extract<ServerFrame, { type: T }>;

/** How a connection ended. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface PeerOptions {
  /** Answers `ping`s, with their number (default true); `without-number` leaves the number out. */
  readonly answersPings?: boolean | 'without-number';
}

const WAIT_MS = 5000;
/** How often a command is sent again that came too early. */
const PATIENCE = 100;

/**
 * One connection to the hub under test, as bare as the protocol: it answers `ping` and does nothing else by itself. Every
 * frame that comes is checked against the schema of the protocol; one that does not fit fails whoever waits.
 */
export class Peer {
  readonly received: ServerFrame[] = [];
  readonly closed: Promise<Closed>;
  readonly #options: PeerOptions;
  readonly #waiting = new Set<() => void>();
  readonly #end = Promise.withResolvers<Closed>();
  #link: Link | undefined;
  #over = false;
  #problem: Error | undefined;
  #lastId = 0;

  private constructor(options: PeerOptions) {
    this.#options = options;
    this.closed = this.#end.promise;
  }

  /** @throws Error when the connection does not open */
  static async open(url: string, link: OpenLink, options: PeerOptions = {}): Promise<Peer> {
    const peer = new Peer(options);
    peer.#link = await link(url, {
      frame: (frame) => {
        peer.#take(frame);
        peer.#wake();
      },
      broken: (what) => {
        peer.#problem ??= new Error(what);
        peer.#wake();
      },
      closed: (code, reason) => {
        peer.#over = true;
        peer.#end.resolve({ code, reason });
        peer.#wake();
      },
    });
    return peer;
  }

  /** A number no earlier command had. */
  newId(): number {
    return ++this.#lastId;
  }

  /** Sends an object as it is, right or wrong. */
  send(frame: object): void {
    this.#link?.send(frame);
  }

  /** Sends text, or bytes as a binary message. */
  raw(data: string | Buffer): void {
    this.#link?.send(data);
  }

  /** Leaves what comes in the network. @returns false where the transport cannot */
  pause(): boolean {
    this.#link?.pause?.();
    return this.#link?.pause !== undefined;
  }

  resume(): void {
    this.#link?.resume?.();
  }

  /**
   * Sends a command and resolves with its answer, whichever it is; but as long as the account has used up what it may for
   * the moment, it waits as it is told and sends it again.
   */
  async ask(command: object): Promise<ServerFrame> {
    for (let left = PATIENCE; ; left--) {
      const id = this.newId();
      this.send({ ...command, id });
      const answer = await this.answerTo(id);
      if (left === 0 || answer.type !== 'error' || answer.retryAfterMs === undefined) return answer;
      await delay(answer.retryAfterMs);
    }
  }

  /** @throws Error when the answer is an error */
  async askFor<T extends ServerFrame['type']>(type: T, command: object): Promise<Frame<T>> {
    const answer = await this.ask(command);
    if (answer.type !== type) throw new Error(`expected ${type}, got ${show(answer)}`);
    return answer as Frame<T>;
  }

  /** Sends a command that is to be refused. @throws Error when it is not, or for another reason */
  async refused(name: string, command: object): Promise<Frame<'error'>> {
    const answer = await this.askFor('error', command);
    if (answer.name !== name) throw new Error(`expected the error ${name}, got ${show(answer)}`);
    return answer;
  }

  answerTo(id: number): Promise<ServerFrame> {
    return this.until(`an answer to command ${id}`, (frame) => 'id' in frame && frame.id === id);
  }

  /** Resolves with the first frame that matches, of those already here or still to come. */
  until(what: string, match: (frame: ServerFrame) => boolean, timeoutMs = WAIT_MS): Promise<ServerFrame> {
    return this.#wait(() => this.received.find(match), what, timeoutMs);
  }

  /** Events that have come. */
  get delivered(): Frame<'event'>[] {
    return this.received.filter((frame) => frame.type === 'event');
  }

  /** Resolves when at least `count` events have come. @returns all of them */
  events(count: number, timeoutMs = WAIT_MS): Promise<Frame<'event'>[]> {
    return this.#wait(
      () => (this.delivered.length >= count ? this.delivered : undefined),
      `${count} events`,
      timeoutMs,
    );
  }

  /**
   * Asks the server something: what it sent before the answer is here then. Events pass through the queue of events, so
   * that this says nothing of those that are still in it.
   */
  async settle(): Promise<void> {
    await this.askFor('pong', { type: 'ping' });
  }

  /** Resolves with the end of the connection. @throws Error when the server leaves it open */
  async end(timeoutMs = WAIT_MS): Promise<Closed> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`the server left the connection open; it said ${this.received.map(show).join(' ')}`));
      }, timeoutMs);
    });
    try {
      return await Promise.race([this.closed, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    if (this.#over) return;
    this.#link?.resume?.();
    this.#link?.close();
    const timer = setTimeout(() => this.#link?.terminate(), 1000);
    await this.closed;
    clearTimeout(timer);
  }

  #take(frame: unknown): void {
    const parsed = serverFrameSchema.safeParse(frame);
    if (!parsed.success) {
      this.#problem ??= new Error(`the server sent a frame that does not fit: ${JSON.stringify(frame).slice(0, 200)}`);
      return;
    }
    this.received.push(parsed.data);
    if (parsed.data.type !== 'ping' || this.#options.answersPings === false) return;
    const { n } = parsed.data;
    const numbered = n !== undefined && this.#options.answersPings !== 'without-number';
    this.send({ type: 'pong', ...(numbered ? { n } : {}) });
  }

  async #wait<T>(look: () => T | undefined, what: string, timeoutMs: number): Promise<T> {
    return await new Promise((resolve, reject) => {
      const done = (act: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        act();
      };
      const fail = (why: string): void => {
        done(() => {
          reject(new Error(`${why} while waiting for ${what}; got ${this.received.slice(-5).map(show).join(' ')}`));
        });
      };
      const check = (): void => {
        const seen = look();
        if (seen !== undefined) {
          done(() => {
            resolve(seen);
          });
        } else if (this.#problem !== undefined) fail(this.#problem.message);
        else if (this.#over) fail('the connection ended');
      };
      const timer = setTimeout(() => {
        fail(`nothing in ${timeoutMs} ms`);
      }, timeoutMs);
      this.#waiting.add(check);
      check();
    });
  }

  #wake(): void {
    for (const check of [...this.#waiting]) check();
  }
}

export function show(frame: ServerFrame): string {
  return JSON.stringify(frame).slice(0, 240);
}
