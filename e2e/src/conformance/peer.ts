import { HUB_SUBPROTOCOL, serverFrameSchema } from '@hookswitch/shared';
import type { ServerFrame } from '@hookswitch/shared';
import { WebSocket } from 'ws';

type Frame<T extends ServerFrame['type']> = Extract<ServerFrame, { type: T }>;

/** How a connection ended. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

const WAIT_MS = 5000;

/**
 * One connection to the hub under test, as bare as the protocol: it answers `ping` and does nothing else by itself. Every
 * frame that comes is checked against the schema of the protocol; one that does not fit fails whoever waits.
 */
export class Peer {
  readonly received: ServerFrame[] = [];
  readonly closed: Promise<Closed>;
  readonly #socket: WebSocket;
  readonly #waiting = new Set<() => void>();
  #problem: Error | undefined;
  #lastId = 0;

  private constructor(socket: WebSocket, answersPings: boolean) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        resolve({ code, reason: reason.toString('utf8') });
        this.#wake();
      });
    });
    socket.on('error', (error) => {
      this.#problem ??= error;
      this.#wake();
    });
    socket.on('message', (data: Buffer, binary) => {
      this.#take(data.toString('utf8'), binary);
      if (answersPings && this.received.at(-1)?.type === 'ping') this.raw(JSON.stringify({ type: 'pong' }));
      this.#wake();
    });
  }

  /** @throws Error when the WebSocket does not open */
  static async open(url: string, { answersPings = true } = {}): Promise<Peer> {
    const socket = new WebSocket(url, HUB_SUBPROTOCOL, { handshakeTimeout: WAIT_MS, rejectUnauthorized: false });
    const peer = new Peer(socket, answersPings);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return peer;
  }

  /** A number no earlier command had. */
  newId(): number {
    return ++this.#lastId;
  }

  /** Sends an object as it is, right or wrong. */
  send(frame: object): void {
    this.raw(JSON.stringify(frame));
  }

  /** Sends text, or bytes as a binary message. */
  raw(data: string | Buffer): void {
    this.#socket.send(data);
  }

  /** Sends a command and resolves with its answer, whichever it is. */
  async ask(command: object): Promise<ServerFrame> {
    const id = this.newId();
    this.send({ ...command, id });
    return this.answerTo(id);
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
  async until(what: string, match: (frame: ServerFrame) => boolean, timeoutMs = WAIT_MS): Promise<ServerFrame> {
    const found = await this.#wait(() => this.received.find(match), what, timeoutMs);
    return found;
  }

  /** Resolves when at least `count` events have come. @returns all of them */
  events(count: number): Promise<Frame<'event'>[]> {
    const all = (): Frame<'event'>[] => this.received.filter((frame) => frame.type === 'event');
    return this.#wait(() => (all().length >= count ? all() : undefined), `${count} events`, WAIT_MS);
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
    this.#socket.close(1000);
    const timer = setTimeout(() => {
      this.#socket.terminate();
    }, 1000);
    await this.closed;
    clearTimeout(timer);
  }

  #take(text: string, binary: boolean): void {
    if (binary) this.#problem ??= new Error('the server sent a binary message');
    let frame: unknown;
    try {
      frame = JSON.parse(text);
    } catch {
      this.#problem ??= new Error(`the server sent something that is not JSON: ${text.slice(0, 100)}`);
      return;
    }
    const parsed = serverFrameSchema.safeParse(frame);
    if (parsed.success) this.received.push(parsed.data);
    else this.#problem ??= new Error(`the server sent a frame that does not fit the protocol: ${text.slice(0, 200)}`);
  }

  async #wait<T>(look: () => T | undefined, what: string, timeoutMs: number): Promise<T> {
    const found = look();
    if (found !== undefined) return found;
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
        if (seen !== undefined)
          done(() => {
            resolve(seen);
          });
        else if (this.#problem !== undefined) fail(this.#problem.message);
        else if (this.#socket.readyState >= WebSocket.CLOSING) fail('the connection ended');
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
