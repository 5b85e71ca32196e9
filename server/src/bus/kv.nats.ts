import { Kvm } from '@nats-io/kv';
import type { KV, KvEntry } from '@nats-io/kv';
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { describeError } from '../kernel/index.ts';
import type { z } from 'zod';
import type { Bus } from './connection.nats.ts';
import { KvError } from './errors.ts';
import { KvMirror } from './kv-mirror.nats.ts';

export interface KvBucketOptions<T> {
  /** Letters, digits, `-` and `_`. */
  readonly name: string;
  /** Checks every value read. */
  readonly schema: z.ZodType<T>;
  /**
   * Life of a value after it was last written, milliseconds; left out: for ever. Expiry tells no watcher (NATS 2.9):
   * mirrors expire values by themselves.
   */
  readonly ttlMs?: number;
  /** Copies kept by a NATS cluster (default 1). */
  readonly replicas?: number;
  /** Keep in memory only, e.g. presence (default: file). */
  readonly memory?: boolean;
}

export interface KvValue<T> {
  readonly value: T;
  readonly revision: number;
}

function isApi(error: unknown, ...codes: number[]): boolean {
  return error instanceof JetStreamApiError && codes.includes(error.code);
}

/**
 * A typed key-value bucket. Keys come from `kvKey`. Created when missing; a bucket that vanished with its server is
 * created again by the next use.
 * All methods throw KvError `unavailable` when NATS does not answer.
 */
export class KvBucket<T> {
  readonly options: KvBucketOptions<T>;
  readonly #bus: Bus;
  #kv: KV;

  private constructor(bus: Bus, options: KvBucketOptions<T>, kv: KV) {
    this.#bus = bus;
    this.options = options;
    this.#kv = kv;
  }

  static async open<T>(bus: Bus, options: KvBucketOptions<T>): Promise<KvBucket<T>> {
    return new KvBucket(bus, options, await createBucket(bus, options));
  }

  /** @throws KvError `invalid` when the stored value does not fit the schema */
  async get(key: string): Promise<KvValue<T> | undefined> {
    const entry = await this.#run(key, (kv) => kv.get(key));
    if (entry?.operation !== 'PUT') return undefined;
    const value = this.parse(entry);
    if (value === undefined) {
      throw new KvError('invalid', `${this.options.name}/${key} holds a value that does not fit its schema`);
    }
    return { value, revision: entry.revision };
  }

  /** Writes whatever is there now. @returns the new revision */
  put(key: string, value: T): Promise<number> {
    return this.#run(key, (kv) => kv.put(key, JSON.stringify(value)));
  }

  /** Writes only when the key holds nothing. @throws KvError `conflict` */
  create(key: string, value: T): Promise<number> {
    return this.#run(key, (kv) => kv.create(key, JSON.stringify(value)));
  }

  /** Compare-and-swap: writes only when `revision` is the current one. @throws KvError `conflict` */
  update(key: string, value: T, revision: number): Promise<number> {
    return this.#run(key, (kv) => kv.update(key, JSON.stringify(value), revision));
  }

  /** @param revision delete only when this is the current one. @throws KvError `conflict` */
  delete(key: string, revision?: number): Promise<void> {
    return this.#run(key, (kv) => kv.delete(key, revision === undefined ? {} : { previousSeq: revision }));
  }

  /** Keys that hold a value now. @param filter a subject with wildcards that they match (default: all) */
  async keys(filter?: string): Promise<string[]> {
    return await this.#run('>', async (kv) => {
      const keys: string[] = [];
      for await (const key of await kv.keys(filter)) keys.push(key);
      return keys;
    });
  }

  /** When the bucket was made, epoch milliseconds by the server's clock: changes only when its content was lost. */
  async createdAt(): Promise<number> {
    const status = await this.#run('bucket', (kv) => kv.status());
    return Date.parse(status.streamInfo.created);
  }

  /** The whole bucket in memory, kept up to date. The caller closes it. */
  mirror(): KvMirror<T> {
    return new KvMirror(this.#bus, {
      name: this.options.name,
      ...(this.options.ttlMs === undefined ? {} : { ttlMs: this.options.ttlMs }),
      open: () => createBucket(this.#bus, this.options),
      parse: (entry) => this.parse(entry),
    });
  }

  /** Undefined, with a log line, when the value does not fit. */
  parse(entry: KvEntry): T | undefined {
    try {
      return this.options.schema.parse(entry.json<unknown>());
    } catch (error) {
      this.#bus.log.error(
        { bucket: this.options.name, key: entry.key, err: error },
        'ignored a stored value that does not fit its schema',
      );
      return undefined;
    }
  }

  async #run<R>(key: string, work: (kv: KV) => Promise<R>): Promise<R> {
    try {
      try {
        return await work(this.#kv);
      } catch (error) {
        if (!isApi(error, JetStreamApiCodes.StreamNotFound) && !isNoResponders(error)) throw error;
        this.#kv = await createBucket(this.#bus, this.options);
        return await work(this.#kv);
      }
    } catch (error) {
      if (isApi(error, JetStreamApiCodes.StreamWrongLastSequence, JetStreamApiCodes.StreamWrongLastSequenceUnknown)) {
        throw new KvError('conflict', `${this.options.name}/${key} was changed by somebody else meanwhile`, {
          cause: error,
        });
      }
      throw new KvError('unavailable', `${this.options.name}/${key}: ${describeError(error)}`, { cause: error });
    }
  }
}

function isNoResponders(error: unknown): boolean {
  return describeError(error).includes('no responders');
}

function createBucket<T>(bus: Bus, options: KvBucketOptions<T>): Promise<KV> {
  return new Kvm(bus.js).create(options.name, {
    history: 1,
    replicas: options.replicas ?? 1,
    storage: options.memory === true ? 'memory' : 'file',
    // Reads go through the leader, so that a read after a write sees it.
    allow_direct: false,
    ...(options.ttlMs === undefined ? {} : { ttl: options.ttlMs }),
  });
}
