import { Emitter } from '../../kernel/index.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import { MAX_DEAD_LETTERS } from './limits.ts';
import type { DeadLetter, SinkCursor, SinkStore, Webhook } from './ports.ts';

/** For tests, and for what does not outlive its process. */
export class MemorySinkStore implements SinkStore {
  readonly ready = Promise.resolve();
  readonly #webhooks = new Map<string, Webhook>();
  readonly #cursors = new Map<string, SinkCursor>();
  readonly #letters = new Map<string, Map<string, DeadLetter>>();
  readonly #emitter = new Emitter<{ change: string }>(() => undefined);

  get(sid: string): Webhook | undefined {
    return this.#webhooks.get(sid);
  }

  entries(): Iterable<Webhook> {
    return [...this.#webhooks.values()];
  }

  onChange(listener: (sid: string) => void): Unsubscribe {
    return this.#emitter.on('change', listener);
  }

  add(webhook: Webhook): Promise<void> {
    this.#webhooks.set(webhook.sid, webhook);
    this.#emitter.emit('change', webhook.sid);
    return Promise.resolve();
  }

  async update(sid: string, change: (webhook: Webhook) => Webhook): Promise<Webhook | undefined> {
    const now = this.#webhooks.get(sid);
    if (now === undefined) return undefined;
    const changed = change(now);
    await this.add(changed);
    return changed;
  }

  remove(sid: string): Promise<void> {
    this.#webhooks.delete(sid);
    this.#cursors.delete(sid);
    this.#letters.delete(sid);
    this.#emitter.emit('change', sid);
    return Promise.resolve();
  }

  cursor(sid: string): Promise<SinkCursor | undefined> {
    return Promise.resolve(this.#cursors.get(sid));
  }

  saveCursor(sid: string, cursor: SinkCursor): Promise<boolean> {
    if ((this.#cursors.get(sid)?.fence ?? 0) > cursor.fence) return Promise.resolve(false);
    this.#cursors.set(sid, cursor);
    return Promise.resolve(true);
  }

  addDeadLetter(sid: string, letter: DeadLetter): Promise<void> {
    const letters = this.#letters.get(sid) ?? new Map<string, DeadLetter>();
    this.#letters.set(sid, letters.set(letter.id, letter));
    const [oldest] = [...letters.keys()].sort();
    if (letters.size > MAX_DEAD_LETTERS && oldest !== undefined) letters.delete(oldest);
    return Promise.resolve();
  }

  deadLetters(sid: string): Promise<DeadLetter[]> {
    const letters = [...(this.#letters.get(sid)?.values() ?? [])];
    return Promise.resolve(letters.sort((a, b) => (a.id < b.id ? -1 : 1)));
  }

  removeDeadLetter(sid: string, id: string): Promise<void> {
    this.#letters.get(sid)?.delete(id);
    return Promise.resolve();
  }

  close(): void {
    this.#emitter.clear();
  }
}
