import { z } from 'zod';
import { KvBucket, KvError, kvKey } from '../../bus/index.ts';
import type { Bus, KvMirror } from '../../bus/index.ts';
import type { AddressBindings, BindingStore, StoredBindings } from './ports.ts';

const schema = z.object({
  address: z.string(),
  accountSid: z.string(),
  bindings: z
    .array(
      z.object({
        contact: z.string(),
        q: z.number(),
        callId: z.string(),
        cseq: z.number(),
        expiresAt: z.number(),
        since: z.number(),
        path: z.array(z.string()).readonly(),
        instance: z.string().optional(),
        regId: z.number().optional(),
        received: z.object({
          protocol: z.enum(['udp', 'tcp', 'tls']),
          address: z.string(),
          port: z.number(),
          flow: z.string().optional(),
        }),
        overFlow: z.boolean(),
        node: z.string(),
        userAgent: z.string().optional(),
      }),
    )
    .readonly(),
});
type Stored = z.infer<typeof schema>;

/** How long a write waits to be seen by this process's own reads, milliseconds. */
const SEEN_MS = 2_000;

/** Registrations in a KV bucket, read from a mirror in memory. The caller closes it. */
export class NatsBindings implements BindingStore {
  readonly #bus: Bus;
  readonly #bucket: KvBucket<Stored>;
  readonly #mirror: KvMirror<Stored>;

  private constructor(bus: Bus, bucket: KvBucket<Stored>) {
    this.#bus = bus;
    this.#bucket = bucket;
    this.#mirror = bucket.mirror();
  }

  /** @throws KvError */
  static async open(bus: Bus, options: { readonly bucket?: string } = {}): Promise<NatsBindings> {
    const store = new NatsBindings(bus, await KvBucket.open(bus, { name: options.bucket ?? 'phone-bindings', schema }));
    await store.#mirror.ready;
    return store;
  }

  async read(address: string): Promise<StoredBindings | undefined> {
    const found = await this.#bucket.get(kvKey(address));
    return found === undefined ? undefined : { ...recordOf(found.value), revision: found.revision };
  }

  async write(record: AddressBindings, revision: number | undefined): Promise<boolean> {
    const key = kvKey(record.address);
    try {
      if (record.bindings.length > 0) {
        const written = await (revision === undefined
          ? this.#bucket.create(key, record)
          : this.#bucket.update(key, record, revision));
        await this.#seen(() => (this.#mirror.revision(key) ?? 0) >= written);
      } else if (revision !== undefined) {
        await this.#bucket.delete(key, revision);
        await this.#seen(() => this.#mirror.revision(key) !== revision);
      }
      return true;
    } catch (error) {
      if (error instanceof KvError && error.reason === 'conflict') return false;
      throw error;
    }
  }

  find(address: string): AddressBindings | undefined {
    const held = this.#mirror.get(kvKey(address));
    return held === undefined ? undefined : recordOf(held);
  }

  *all(): Iterable<AddressBindings> {
    for (const [, record] of this.#mirror.entries()) yield recordOf(record);
  }

  close(): void {
    this.#mirror.close();
  }

  /** Waits until the mirror shows a write of ours; not for ever, as a mirror may be behind an outage. */
  #seen(isSeen: () => boolean): Promise<void> {
    if (isSeen()) return Promise.resolve();
    const seen = Promise.withResolvers<void>();
    const timer = this.#bus.clock.setTimer(SEEN_MS, seen.resolve);
    const off = this.#mirror.onChange(() => {
      if (isSeen()) seen.resolve();
    });
    return seen.promise.finally(() => {
      timer.cancel();
      off();
    });
  }
}

function recordOf(stored: Stored): AddressBindings {
  const bindings = stored.bindings.map(({ received: { flow, ...endpoint }, ...rest }) => ({
    ...rest,
    received: flow === undefined ? endpoint : { ...endpoint, flow },
  }));
  return { ...stored, bindings };
}
