import type { KV, KvEntry, KvWatchEntry } from '@nats-io/kv';
import { Emitter, backoffDelay, delay, describeError } from '../kernel/index.ts';
import type { Timer, Unsubscribe } from '../kernel/index.ts';
import type { Bus } from './connection.nats.ts';

export type KvChange<T> =
  | { readonly kind: 'set'; readonly key: string; readonly value: T; readonly revision: number }
  | { readonly kind: 'removed'; readonly key: string; readonly value: T; readonly why: 'deleted' | 'expired' | 'lost' };

interface Held<T> {
  readonly value: T;
  readonly revision: number;
  /** `clock.monotonic()` at which a bucket with a TTL drops it. */
  readonly expiresAt: number;
}

export interface KvMirrorSource<T> {
  readonly name: string;
  readonly ttlMs?: number;
  open(): Promise<KV>;
  parse(entry: KvEntry): T | undefined;
}

/**
 * A bucket in memory: synchronous reads, changes as they happen. After a reconnect, or when the server came back without
 * the bucket, it watches anew and reports the difference; meanwhile reads answer what was last known.
 *
 * With a TTL each value is dropped here `ttlMs` after its last write was seen (at first sight: after what is left by the
 * server's time stamp), because the server's own expiry tells nobody.
 */
export class KvMirror<T> {
  readonly ready: Promise<void>;
  readonly #bus: Bus;
  readonly #source: KvMirrorSource<T>;
  readonly #values = new Map<string, Held<T>>();
  readonly #emitter: Emitter<{ change: KvChange<T> }>;
  readonly #abort = new AbortController();
  readonly #becameReady = Promise.withResolvers<void>();
  #seen = 0;
  #stopWatch: (() => void) | undefined;
  #expiry: Timer | undefined;

  constructor(bus: Bus, source: KvMirrorSource<T>) {
    this.#bus = bus;
    this.#source = source;
    this.#emitter = new Emitter((error) => {
      bus.log.error({ err: error, bucket: source.name }, 'a listener of a bucket mirror failed');
    });
    this.ready = this.#becameReady.promise;
    void this.#run();
  }

  get(key: string): T | undefined {
    return this.#values.get(key)?.value;
  }

  revision(key: string): number | undefined {
    return this.#values.get(key)?.revision;
  }

  /** The newest revision that is shown, of any key, removals too: what was written with it or before is shown, or was changed since. */
  get seen(): number {
    return this.#seen;
  }

  *entries(): Generator<readonly [key: string, value: T]> {
    for (const [key, held] of this.#values) yield [key, held.value];
  }

  get size(): number {
    return this.#values.size;
  }

  /** Called for every change after registration; also for the initial content when registered before `ready`. */
  onChange(listener: (change: KvChange<T>) => void): Unsubscribe {
    return this.#emitter.on('change', listener);
  }

  close(): void {
    this.#abort.abort(new Error('mirror closed'));
    this.#stopWatch?.();
    this.#expiry?.cancel();
    this.#expiry = undefined;
    this.#emitter.clear();
    this.#becameReady.resolve();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#watchOnce(() => {
          attempt = 0;
        });
      } catch (error) {
        if (this.#bus.nc.isClosed()) return;
        const reason = describeError(error);
        this.#bus.log.debug({ bucket: this.#source.name, reason }, 'watching a bucket failed, retrying');
      }
      const wait = 20 + backoffDelay(attempt, this.#bus.random, { baseMs: 50, maxMs: 2000 });
      await delay(this.#bus.clock, wait, signal).catch(() => undefined);
    }
  }

  /** One watch: the snapshot first, compared with what is held, then changes until the watch ends or is to be renewed. */
  async #watchOnce(working: () => void): Promise<void> {
    const kv = await this.#source.open();
    const watch = await kv.watch();
    const initial = (await kv.status()).values;
    const seen = new Set<string>();
    const phase: { snapshot: boolean } = { snapshot: true };
    const snapshotDone = (): void => {
      if (!phase.snapshot) return;
      phase.snapshot = false;
      patience.cancel();
      for (const key of [...this.#values.keys()]) if (!seen.has(key)) this.#remove(key, 'lost');
      working();
      this.#becameReady.resolve();
    };
    // Values that expire between the count and the delivery never come: do not wait for them for ever.
    const patience = this.#bus.clock.setTimer(3000, snapshotDone);
    const stop = (): void => {
      watch.stop();
    };
    this.#stopWatch = stop;
    // The library's consumer re-creates itself, but it cannot tell a bucket that came back empty from one without changes.
    const off = this.#bus.on('reconnected', stop);
    if (this.#abort.signal.aborted) stop();
    try {
      if (initial === 0) snapshotDone();
      for await (const entry of watch) {
        if (phase.snapshot) seen.add(entry.key);
        this.#apply(entry);
        if (phase.snapshot && (entry.isUpdate || (entry.delta ?? 0) === 0)) snapshotDone();
      }
    } finally {
      off();
      patience.cancel();
      this.#stopWatch = undefined;
    }
  }

  #apply(entry: KvWatchEntry): void {
    this.#seen = Math.max(this.#seen, entry.revision);
    if (entry.operation !== 'PUT') {
      this.#remove(entry.key, 'deleted');
      return;
    }
    const held = this.#values.get(entry.key);
    if (held !== undefined && held.revision === entry.revision) return;
    const value = this.#source.parse(entry);
    if (value === undefined) return;
    const { clock } = this.#bus;
    const ttl = this.#source.ttlMs;
    const age = entry.isUpdate ? 0 : Math.max(0, clock.now() - entry.created.getTime());
    const expiresAt = ttl === undefined ? Infinity : clock.monotonic() + Math.max(0, ttl - age);
    this.#values.set(entry.key, { value, revision: entry.revision, expiresAt });
    this.#emitter.emit('change', { kind: 'set', key: entry.key, value, revision: entry.revision });
    if (ttl !== undefined) this.#scheduleExpiry();
  }

  #remove(key: string, why: 'deleted' | 'expired' | 'lost'): void {
    const held = this.#values.get(key);
    if (held === undefined) return;
    this.#values.delete(key);
    this.#emitter.emit('change', { kind: 'removed', key, value: held.value, why });
  }

  #scheduleExpiry(): void {
    if (this.#expiry !== undefined || this.#abort.signal.aborted) return;
    let next = Infinity;
    for (const held of this.#values.values()) next = Math.min(next, held.expiresAt);
    if (next === Infinity) return;
    this.#expiry = this.#bus.clock.setTimer(Math.max(1, next - this.#bus.clock.monotonic()), () => {
      this.#expiry = undefined;
      const now = this.#bus.clock.monotonic();
      for (const [key, held] of [...this.#values]) if (held.expiresAt <= now) this.#remove(key, 'expired');
      this.#scheduleExpiry();
    });
  }
}
