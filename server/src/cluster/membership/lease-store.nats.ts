import { KvBucket, KvError, kvKey, parseKvKey } from '../../bus/index.ts';
import type { Bus, KvChange, KvMirror } from '../../bus/index.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import { LeaseError } from './lease-error.ts';
import type { LeaseChange, LeaseRecord, LeaseStore } from './ports.ts';
import { leaseRecordSchema } from './records.ts';

const BUCKET = 'cluster';

const toKvKey = (key: string): string => kvKey(...key.split('/'));
const fromKvKey = (key: string): string => parseKvKey(key)?.join('/') ?? key;

/** Leases in a KV bucket without a time to live: leases run out by what members see, and are taken by one of them. */
export class NatsLeaseStore implements LeaseStore {
  readonly ready: Promise<void>;
  readonly #bus: Bus;
  readonly #bucket: KvBucket<LeaseRecord>;
  readonly #mirror: KvMirror<LeaseRecord>;

  private constructor(bus: Bus, bucket: KvBucket<LeaseRecord>) {
    this.#bus = bus;
    this.#bucket = bucket;
    this.#mirror = bucket.mirror();
    this.ready = this.#mirror.ready;
  }

  /** @throws KvError */
  static async open(bus: Bus): Promise<NatsLeaseStore> {
    return new NatsLeaseStore(bus, await KvBucket.open(bus, { name: BUCKET, schema: leaseRecordSchema }));
  }

  create(key: string, record: LeaseRecord): Promise<number> {
    return this.#run(() => this.#bucket.create(toKvKey(key), record));
  }

  update(key: string, record: LeaseRecord, revision: number): Promise<number> {
    return this.#run(() => this.#bucket.update(toKvKey(key), record, revision));
  }

  remove(key: string, revision: number): Promise<void> {
    return this.#run(() => this.#bucket.delete(toKvKey(key), revision));
  }

  async get(key: string): Promise<{ record: LeaseRecord; revision: number } | undefined> {
    const found = await this.#run(() => this.#bucket.get(toKvKey(key)));
    return found === undefined ? undefined : { record: found.value, revision: found.revision };
  }

  epoch(): Promise<number> {
    return this.#run(() => this.#bucket.createdAt());
  }

  get connected(): boolean {
    return this.#bus.connected;
  }

  onConnection(listener: (connected: boolean) => void): Unsubscribe {
    const offs = [
      this.#bus.on('disconnected', () => {
        listener(false);
      }),
      this.#bus.on('reconnected', () => {
        listener(true);
      }),
    ];
    return () => {
      for (const off of offs) off();
    };
  }

  view(key: string): { record: LeaseRecord; revision: number } | undefined {
    const at = toKvKey(key);
    const [record, revision] = [this.#mirror.get(at), this.#mirror.revision(at)];
    return record === undefined || revision === undefined ? undefined : { record, revision };
  }

  *entries(): Generator<readonly [key: string, record: LeaseRecord]> {
    for (const [key, record] of this.#mirror.entries()) yield [fromKvKey(key), record];
  }

  onChange(listener: (change: LeaseChange) => void): Unsubscribe {
    return this.#mirror.onChange((change) => {
      listener(leaseChange(change));
    });
  }

  close(): void {
    this.#mirror.close();
  }

  async #run<R>(work: () => Promise<R>): Promise<R> {
    // The client library would keep the request and send it after the outage, when it is wanted no more.
    if (!this.#bus.connected) throw new LeaseError('unavailable', 'not connected to NATS');
    try {
      return await work();
    } catch (error) {
      const reason = error instanceof KvError && error.reason === 'conflict' ? 'conflict' : 'unavailable';
      throw new LeaseError(reason, `the leases in the NATS bucket '${BUCKET}' could not be used`, { cause: error });
    }
  }
}

function leaseChange(change: KvChange<LeaseRecord>): LeaseChange {
  const key = fromKvKey(change.key);
  if (change.kind === 'set') return { kind: 'set', key, record: change.value, revision: change.revision };
  return { kind: 'removed', key, why: change.why === 'deleted' ? 'deleted' : 'lost' };
}
