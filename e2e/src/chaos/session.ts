import type { History, Position } from './history.ts';
import type { SeededRandom } from './random.ts';
import { openWire } from './wire.ts';
import type { Frame, Wire, WireKind } from './wire.ts';
import { matches } from './check/violation.ts';

export interface SessionOptions {
  readonly name: string;
  readonly kind: WireKind;
  /** Of the link to the gateways. */
  readonly port: number;
  /** Before every attempt to connect. */
  readonly connecting?: () => void;
  /** Asked before every connection. Undefined: there is none any more, the session is over. */
  readonly token: () => string | undefined;
  readonly patterns: readonly string[];
  /** Topic that it is present on. */
  readonly room?: string;
  /** Newest events to begin with, for a session that looks back. */
  readonly rewind?: number;
  readonly history: History;
  readonly random: SeededRandom;
}

/** Without any frame for this long a connection counts as dead; a `ping` asks for one every second. Milliseconds. */
const SILENCE_MS = 4000;
const PING_MS = 1000;
const ASKING_ANEW_MS = 200;
/** How often it asks for one subscription only after another was confirmed. */
const ONE_BY_ONE = 0.4;

/**
 * A client of the protocol, written from docs/spec/hub-protocol.md alone and sharing nothing with the SDK: it reconnects,
 * keeps a position for each subscription, and records everything.
 */
export class Session {
  readonly name: string;
  readonly #options: SessionOptions;
  readonly #positions = new Map<string, Position>();
  readonly #wanted: Set<string>;
  readonly #subscribed = new Set<string>();
  /** Confirmed on this connection, and their end is not: what comes moves their position, and no other's. */
  readonly #standing = new Set<string>();
  /** From where each was asked for on this connection. */
  readonly #from = new Map<string, Position>();
  /** To be asked for one after another. */
  #later: string[] = [];
  /** Of every event that it was given. */
  readonly #given = new Set<string>();
  readonly #asked = new Map<number, { readonly type: string; readonly pattern: string }>();
  readonly #answers = new Map<number, (frame: Frame) => void>();
  readonly #timer: NodeJS.Timeout;
  #wire: Wire | undefined;
  #connection: string | undefined;
  #lastId = 0;
  #heardAt = 0;
  #disconnect = 0;
  #retry: NodeJS.Timeout | undefined;
  #over = false;

  constructor(options: SessionOptions) {
    this.name = options.name;
    this.#options = options;
    this.#wanted = new Set(options.room === undefined ? options.patterns : [...options.patterns, options.room]);
    this.#timer = setInterval(() => {
      this.#watch();
    }, PING_MS);
    this.#connect();
  }

  get patterns(): string[] {
    return [...this.#wanted];
  }

  /** Wants it no more; does not say so. */
  forget(pattern: string): void {
    this.#wanted.delete(pattern);
    this.#positions.delete(pattern);
    this.#standing.delete(pattern);
  }

  /** Name of its connection, while it is subscribed to everything. */
  get connection(): string | undefined {
    return this.patterns.every((pattern) => this.#subscribed.has(pattern)) ? this.#connection : undefined;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Whether it was given everything that matches, up to a position. */
  has(topic: string, { epoch, seq }: Position): boolean {
    return this.patterns.every((pattern) => {
      const own = this.#positions.get(pattern);
      if (!matches(pattern, topic) || this.#given.has(`${epoch} ${seq}`)) return true;
      return own?.epoch === epoch && own.seq >= seq;
    });
  }

  /** Loses its connection and comes back. */
  drop(): void {
    this.#wire?.destroy();
  }

  /** Ends a subscription and asks for it again. */
  resubscribe(pattern: string): void {
    if (this.#subscribed.delete(pattern)) this.#ask('unsubscribe', pattern);
  }

  /** Sends a command and waits for its answer. @throws Error when none comes */
  async ask(command: object, timeoutMs = 3000): Promise<Frame> {
    const id = ++this.#lastId;
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#answers.delete(id);
        reject(new Error(`${this.name}: no answer`));
      }, timeoutMs);
      this.#answers.set(id, (frame) => {
        clearTimeout(timer);
        resolve(frame);
      });
      this.#wire?.send({ ...command, id });
    });
  }

  /** Comes back no more. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    this.#wire?.destroy();
  }

  #connect(): void {
    const { history, kind, port, token: tokenOf } = this.#options;
    const token = tokenOf();
    if (token === undefined) {
      this.close();
      return;
    }
    this.#heardAt = history.now();
    this.#disconnect = 0;
    this.#options.connecting?.();
    const wire = openWire(kind, port, {
      opened: () => {
        wire.send({ type: 'connect', id: ++this.#lastId, token });
      },
      frame: (frame) => {
        if (this.#wire === wire) this.#take(frame);
      },
      closed: (code) => {
        if (this.#wire === wire) this.#closed(code);
      },
    });
    this.#wire = wire;
  }

  #closed(code: number): void {
    const { history, random } = this.#options;
    history.add({ kind: 'closed', session: this.name, code: this.#disconnect || code });
    this.#wire = undefined;
    this.#connection = undefined;
    this.#subscribed.clear();
    this.#standing.clear();
    this.#from.clear();
    this.#later = [];
    this.#asked.clear();
    if (this.#over) return;
    this.#retry = setTimeout(
      () => {
        this.#connect();
      },
      random.between(10, 300),
    );
  }

  #watch(): void {
    if (this.#wire === undefined) return;
    if (this.#options.history.now() - this.#heardAt > SILENCE_MS) this.#wire.destroy();
    else if (this.#connection !== undefined) this.#wire.send({ type: 'ping', id: ++this.#lastId });
  }

  #ask(type: 'subscribe' | 'unsubscribe', pattern: string): void {
    const { history, room, rewind } = this.#options;
    const id = ++this.#lastId;
    this.#asked.set(id, { type, pattern });
    if (type === 'unsubscribe') {
      this.#wire?.send({ type, id, topic: pattern });
      return;
    }
    const position = this.#positions.get(pattern);
    if (position !== undefined) this.#from.set(pattern, position);
    history.add({ kind: 'subscribe', session: this.name, pattern, ...(position === undefined ? {} : { position }) });
    this.#wire?.send({
      type,
      id,
      topic: pattern,
      ...(position === undefined ? {} : { position }),
      ...(position === undefined && rewind !== undefined ? { rewind: { count: rewind } } : {}),
      ...(pattern === room ? { presence: true } : {}),
    });
  }

  #take(frame: Frame): void {
    this.#heardAt = this.#options.history.now();
    const answer = typeof frame['id'] === 'number' ? this.#answers.get(frame['id']) : undefined;
    if (answer !== undefined) {
      this.#answers.delete(frame['id'] as number);
      answer(frame);
      return;
    }
    switch (frame.type) {
      case 'connected':
        this.#connected(frame);
        break;
      case 'subscribed':
      case 'gap':
        this.#moved(frame);
        break;
      case 'event':
        this.#event(frame);
        break;
      case 'ping':
        this.#wire?.send({ type: 'pong', ...('n' in frame ? { n: frame['n'] } : {}) });
        break;
      case 'unsubscribed':
        this.#unsubscribed(frame);
        break;
      case 'disconnect':
        this.#disconnect = frame['code'] as number;
        break;
      case 'error':
        this.#refused(frame);
        break;
      default:
        break;
    }
  }

  #connected(frame: Frame): void {
    const [connection, node] = [String(frame['connection']), String(frame['node'])];
    this.#connection = connection;
    this.#options.history.add({ kind: 'connected', session: this.name, connection, node });
    const { patterns } = this;
    // Others send all of it at once. Events of the first come meanwhile.
    if (this.#options.random.chance(ONE_BY_ONE)) this.#later = patterns.splice(1);
    for (const pattern of patterns) this.#ask('subscribe', pattern);
  }

  #moved(frame: Frame): void {
    const pattern = frame['topic'] as string;
    const recovered = frame['recovered'] === true;
    const position = (frame['start'] ?? frame['position']) as Position;
    const { history } = this.#options;
    if (frame.type === 'gap') {
      history.add({ kind: 'gap', session: this.name, pattern, position, recovered });
      if (!recovered) this.#positions.set(pattern, position);
      return;
    }
    this.#asked.delete(frame['id'] as number);
    const head = frame['position'] as Position;
    history.add({ kind: 'subscribed', session: this.name, pattern, position, head, recovered });
    if (!recovered || !this.#positions.has(pattern)) this.#positions.set(pattern, position);
    this.#subscribed.add(pattern);
    this.#standing.add(pattern);
    const next = this.#later.shift();
    if (next !== undefined) this.#ask('subscribe', next);
  }

  #event(frame: Frame): void {
    const topic = frame['topic'] as string;
    const position = frame['position'] as Position;
    const event = frame['event'] as { id: string; type: string; data?: { connection?: string } };
    const matching = [...this.#positions.keys()].filter((pattern) => matches(pattern, topic));
    const standing = matching.filter((pattern) => this.#standing.has(pattern));
    // On its way when the subscription ended: it comes again with the new one.
    if (matching.length > 0 && standing.length === 0) return;
    const repeated = this.#isRepeated(matching, position);
    for (const pattern of standing)
      if (isAhead(position, this.#positions.get(pattern))) this.#positions.set(pattern, position);
    if (repeated) return;
    this.#given.add(`${position.epoch} ${position.seq}`);
    const member = topic.startsWith('presence.') ? event.data?.connection : undefined;
    const { id, type } = event;
    const whose = member === undefined ? {} : { member };
    this.#options.history.add({ kind: 'event', session: this.name, topic, position, id, type, ...whose });
  }

  /**
   * Whether it came for a subscription that stands behind, though another one had brought it before this connection: the
   * gateway cannot know, and the client drops it (docs/spec/hub-protocol.md 12).
   */
  #isRepeated(matching: readonly string[], { epoch, seq }: Position): boolean {
    const had = matching.some((pattern) => {
      const from = this.#from.get(pattern);
      return from?.epoch === epoch && from.seq >= seq;
    });
    return had && this.#given.has(`${epoch} ${seq}`);
  }

  #unsubscribed(frame: Frame): void {
    const pattern = this.#asked.get(frame['id'] as number)?.pattern;
    if (pattern === undefined) return;
    this.#options.history.add({ kind: 'unsubscribed', session: this.name, pattern });
    this.#standing.delete(pattern);
    this.#ask('subscribe', pattern);
  }

  #refused(frame: Frame): void {
    const asked = this.#asked.get(frame['id'] as number);
    if (asked?.type !== 'subscribe' || frame['temporary'] !== true) return;
    const wire = this.#wire;
    setTimeout(() => {
      if (this.#wire === wire) this.#ask('subscribe', asked.pattern);
    }, ASKING_ANEW_MS);
  }
}

function isAhead(position: Position, of: Position | undefined): boolean {
  return of?.epoch !== position.epoch || position.seq > of.seq;
}
