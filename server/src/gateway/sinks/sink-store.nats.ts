import { KvBucket, KvError, kvKey, parseKvKey } from '../../bus/index.ts';
import type { Bus, KvMirror } from '../../bus/index.ts';
import { describeError } from '../../kernel/index.ts';
import type { Clock, Unsubscribe } from '../../kernel/index.ts';
import { SinkError } from './errors.ts';
import { MAX_DEAD_LETTERS } from './limits.ts';
import { cursorSchema, deadLetterSchema, webhookSchema } from './records.ts';
import type { DeadLetter, SinkCursor, SinkStore, Webhook } from './ports.ts';

const SEEN_WITHIN_MS = 2000;

/** Sinks in three buckets: records, which everybody has in view, cursors and dead letters. */
export class NatsSinkStore implements SinkStore {
  readonly ready: Promise<void>;
  readonly #clock: Clock;
  readonly #records: KvBucket<Webhook>;
  readonly #cursors: KvBucket<SinkCursor>;
  readonly #letters: KvBucket<DeadLetter>;
  readonly #view: KvMirror<Webhook>;

  private constructor(buckets: {
    clock: Clock;
    records: KvBucket<Webhook>;
    cursors: KvBucket<SinkCursor>;
    letters: KvBucket<DeadLetter>;
  }) {
    this.#clock = buckets.clock;
    this.#records = buckets.records;
    this.#cursors = buckets.cursors;
    this.#letters = buckets.letters;
    this.#view = buckets.records.mirror();
    this.ready = this.#view.ready;
  }

  /** @throws KvError */
  static async open(bus: Bus): Promise<NatsSinkStore> {
    return new NatsSinkStore({
      clock: bus.clock,
      records: await KvBucket.open(bus, { name: 'webhooks', schema: webhookSchema }),
      cursors: await KvBucket.open(bus, { name: 'webhook-cursors', schema: cursorSchema }),
      letters: await KvBucket.open(bus, { name: 'webhook-dead-letters', schema: deadLetterSchema }),
    });
  }

  get(sid: string): Webhook | undefined {
    return this.#view.get(kvKey(sid));
  }

  *entries(): Iterable<Webhook> {
    for (const [, webhook] of this.#view.entries()) yield webhook;
  }

  onChange(listener: (sid: string) => void): Unsubscribe {
    return this.#view.onChange(({ key }) => {
      listener(key);
    });
  }

  async add(webhook: Webhook): Promise<void> {
    const revision = await guarded(() => this.#records.put(kvKey(webhook.sid), webhook));
    await this.#seen(webhook.sid, (held) => held !== undefined && held >= revision);
  }

  async update(sid: string, change: (webhook: Webhook) => Webhook): Promise<Webhook | undefined> {
    const key = kvKey(sid);
    for (;;) {
      const now = await guarded(() => this.#records.get(key));
      if (now === undefined) return undefined;
      const changed = change(now.value);
      const revision = await unlessConflict(() => this.#records.update(key, changed, now.revision));
      if (revision === undefined) continue;
      await this.#seen(sid, (held) => held === undefined || held >= revision);
      return changed;
    }
  }

  async remove(sid: string): Promise<void> {
    await guarded(() => this.#records.delete(kvKey(sid)));
    await this.#seen(sid, (held) => held === undefined);
    await guarded(() => this.#cursors.delete(kvKey(sid)));
    for (const id of await this.#letterIds(sid)) await this.removeDeadLetter(sid, id);
  }

  async cursor(sid: string): Promise<SinkCursor | undefined> {
    return (await guarded(() => this.#cursors.get(kvKey(sid))))?.value;
  }

  async saveCursor(sid: string, cursor: SinkCursor): Promise<boolean> {
    const key = kvKey(sid);
    for (;;) {
      const now = await guarded(() => this.#cursors.get(key));
      if (now !== undefined && now.value.fence > cursor.fence) return false;
      const written = await unlessConflict(() =>
        now === undefined ? this.#cursors.create(key, cursor) : this.#cursors.update(key, cursor, now.revision),
      );
      if (written !== undefined) return true;
    }
  }

  async addDeadLetter(sid: string, letter: DeadLetter): Promise<void> {
    await guarded(() => this.#letters.put(kvKey(sid, letter.id), letter));
    const ids = await this.#letterIds(sid);
    for (const id of ids.slice(0, Math.max(0, ids.length - MAX_DEAD_LETTERS))) await this.removeDeadLetter(sid, id);
  }

  async deadLetters(sid: string): Promise<DeadLetter[]> {
    const letters: DeadLetter[] = [];
    for (const id of await this.#letterIds(sid)) {
      const letter = await guarded(() => this.#letters.get(kvKey(sid, id)));
      if (letter !== undefined) letters.push(letter.value);
    }
    return letters;
  }

  async removeDeadLetter(sid: string, id: string): Promise<void> {
    await guarded(() => this.#letters.delete(kvKey(sid, id)));
  }

  close(): void {
    this.#view.close();
  }

  async #letterIds(sid: string): Promise<string[]> {
    const keys = await guarded(() => this.#letters.keys());
    return keys
      .flatMap((key) => {
        const [owner, id] = parseKvKey(key) ?? [];
        return owner === sid && id !== undefined ? [id] : [];
      })
      .sort();
  }

  /** What was written is seen here before the writer goes on, within two seconds: it is stored anyway. */
  #seen(sid: string, shows: (revision: number | undefined) => boolean): Promise<void> {
    const key = kvKey(sid);
    if (shows(this.#view.revision(key))) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        stop();
        timer.cancel();
        resolve();
      };
      const timer = this.#clock.setTimer(SEEN_WITHIN_MS, finish);
      const stop = this.#view.onChange(() => {
        if (shows(this.#view.revision(key))) finish();
      });
    });
  }
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new SinkError('unavailable', `webhooks cannot be read or stored now: ${describeError(error)}`, {
      cause: error,
    });
  }
}

/** Undefined: somebody else was first. */
async function unlessConflict<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof KvError && error.reason === 'conflict') return undefined;
    return guarded(() => Promise.reject(error as Error));
  }
}
