import type { History, Position } from './history.ts';
import type { SeededRandom } from './random.ts';
import { openWire } from './wire.ts';
import type { Frame, Wire } from './wire.ts';

interface Waiting {
  readonly topic: string;
  readonly id: string;
  readonly data: string;
  sentAt: number;
}

/** Repeated when there was no answer. Milliseconds. */
const REPEAT_MS = 2000;

/** Publishes, and repeats with the same event id until the hub says that the event is stored. */
export class Publisher {
  readonly #name: string;
  readonly #port: number;
  readonly #token: string;
  readonly #history: History;
  readonly #random: SeededRandom;
  readonly #waiting = new Map<string, Waiting>();
  readonly #sent = new Map<number, string>();
  readonly #timer: NodeJS.Timeout;
  /** Of the newest acknowledged event, by topic. */
  readonly latest = new Map<string, { readonly position: Position; readonly at: number }>();
  #wire: Wire | undefined;
  #connected = false;
  #lastId = 0;
  #count = 0;
  #closed = false;

  constructor(options: { name: string; port: number; token: string; history: History; random: SeededRandom }) {
    this.#name = options.name;
    this.#port = options.port;
    this.#token = options.token;
    this.#history = options.history;
    this.#random = options.random;
    this.#timer = setInterval(() => {
      this.#repeat();
    }, 250);
    this.#connect();
  }

  /** Events that the hub has not said are stored. */
  get open(): number {
    return this.#waiting.size;
  }

  publish(topic: string, bytes = 0): void {
    const id = `${this.#name}-${++this.#count}`;
    this.#history.add({ kind: 'attempt', topic, id });
    const waiting: Waiting = { topic, id, data: 'x'.repeat(bytes), sentAt: 0 };
    this.#waiting.set(id, waiting);
    this.#send(waiting);
  }

  /** Loses its connection and comes back. */
  drop(): void {
    this.#wire?.destroy();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#wire?.destroy();
  }

  #connect(): void {
    const wire = openWire('native', this.#port, {
      opened: () => {
        wire.send({ type: 'connect', id: ++this.#lastId, token: this.#token });
      },
      frame: (frame) => {
        this.#take(frame);
      },
      closed: () => {
        this.#connected = false;
        this.#sent.clear();
        for (const waiting of this.#waiting.values()) waiting.sentAt = 0;
        if (this.#closed) return;
        setTimeout(
          () => {
            if (!this.#closed) this.#connect();
          },
          this.#random.between(10, 200),
        );
      },
    });
    this.#wire = wire;
  }

  #take(frame: Frame): void {
    if (frame.type === 'connected') {
      this.#connected = true;
      this.#repeat();
    } else if (frame.type === 'ping') {
      this.#wire?.send({ type: 'pong', ...('n' in frame ? { n: frame['n'] } : {}) });
    } else if (frame.type === 'published' || frame.type === 'error') {
      const id = this.#sent.get(frame['id'] as number);
      this.#sent.delete(frame['id'] as number);
      if (id !== undefined) this.#answered(id, frame);
    }
  }

  #answered(id: string, frame: Frame): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || frame.type === 'error') return;
    const { topic } = waiting;
    const position = frame['position'] as Position;
    this.#waiting.delete(id);
    this.#history.add({ kind: 'ack', topic, id, position });
    const latest = this.latest.get(topic)?.position;
    if (latest?.epoch === position.epoch && latest.seq > position.seq) return;
    this.latest.set(topic, { position, at: this.#history.now() });
  }

  #repeat(): void {
    const now = this.#history.now();
    let silent = false;
    for (const waiting of this.#waiting.values()) {
      if (now - waiting.sentAt <= REPEAT_MS) continue;
      silent ||= waiting.sentAt > 0;
      this.#send(waiting);
    }
    // A gateway that does not answer may be stopped: another one may.
    if (silent && this.#random.chance(0.3)) this.drop();
  }

  #send(waiting: Waiting): void {
    if (!this.#connected) return;
    const { topic, id, data } = waiting;
    const command = ++this.#lastId;
    waiting.sentAt = this.#history.now();
    this.#sent.set(command, id);
    this.#wire?.send({ type: 'publish', id: command, topic, data, eventId: id });
  }
}
