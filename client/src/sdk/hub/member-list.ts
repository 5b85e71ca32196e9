import { Emitter } from '../kit/index.ts';
import type { HookswitchError, Unsubscribe } from '../kit/index.ts';
import type { Member, PresenceOptions, PresencePage } from './presence.ts';
import type { Delivered, Subscription } from './subscription.ts';

export interface MemberListEvents {
  /** Somebody came, left, or said something else of itself; or the list was read. */
  change: readonly Member[];
  joined: Member;
  left: Member;
  /** It cannot be kept, and has ended (`notPermitted`, for instance). */
  error: HookswitchError;
}

interface Parts {
  readonly topic: string;
  /** To `presence.<topic>.*`. */
  readonly changes: Subscription;
  readonly page: (topic: string, options: PresenceOptions) => Promise<PresencePage>;
  readonly toError: (error: unknown) => HookswitchError;
  /** Waits before a read that failed for now is tried again. */
  readonly pause: () => Promise<void>;
}

const PAGE = 1000;

/**
 * Who is on a topic, kept up to date: read once, and again when events were missed. Lives until close(), a refusal, or
 * the client's close().
 */
export class MemberList {
  readonly #parts: Parts;
  readonly #emitter = new Emitter<MemberListEvents>();
  #members = new Map<string, Member>();
  /** What happened while the list is read: undefined is a leave. */
  #meanwhile: Map<string, Member | undefined> | undefined;
  #reading = 0;
  readonly ready: Promise<void>;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { changes } = parts;
    changes.on('event', (delivered) => {
      this.#changed(delivered);
    });
    changes.on('gap', () => {
      this.#read().catch(() => undefined);
    });
    changes.on('error', (error) => {
      this.#emitter.emit('error', error);
    });
    this.ready = changes.ready.then(() => this.#read());
    // Who does not look at it hears by the `error` event.
    this.ready.catch(() => undefined);
  }

  get topic(): string {
    return this.#parts.topic;
  }

  /** In the order in which they came. */
  get members(): readonly Member[] {
    return [...this.#members.values()].sort((a, b) => a.since - b.since);
  }

  on<K extends keyof MemberListEvents>(event: K, listener: (payload: MemberListEvents[K]) => void): Unsubscribe {
    return this.#emitter.on(event, listener);
  }

  /** Idempotent. */
  close(): void {
    this.#reading += 1;
    this.#parts.changes.unsubscribe();
    this.#emitter.clear();
  }

  async #read(): Promise<void> {
    const { topic, page, pause, toError, changes } = this.#parts;
    const reading = ++this.#reading;
    this.#meanwhile = new Map();
    const found = new Map<string, Member>();
    for (let after: string | undefined, more = true; more;) {
      try {
        const { members, next } = await page(topic, { limit: PAGE, after });
        for (const member of members) found.set(member.connection, member);
        [after, more] = [next, next !== undefined];
      } catch (error) {
        const failure = toError(error);
        if (reading !== this.#reading) return;
        if (!failure.temporary) {
          this.#emitter.emit('error', failure);
          changes.unsubscribe();
          throw failure;
        }
        await pause();
      }
      if (reading !== this.#reading) return;
    }
    for (const [connection, member] of this.#meanwhile) {
      if (member === undefined) found.delete(connection);
      else found.set(connection, member);
    }
    this.#meanwhile = undefined;
    this.#members = found;
    this.#emitter.emit('change', this.members);
  }

  #changed({ event }: Delivered): void {
    const { connection, identity, info, since } = event.data as Member;
    const member = { connection, identity, info, since };
    const joined = event.type === 'presence.joined';
    if (this.#meanwhile !== undefined) this.#meanwhile.set(connection, joined ? member : undefined);
    if (joined) this.#members.set(connection, member);
    else if (!this.#members.delete(connection)) return;
    this.#emitter.emit(joined ? 'joined' : 'left', member);
    this.#emitter.emit('change', this.members);
  }
}
