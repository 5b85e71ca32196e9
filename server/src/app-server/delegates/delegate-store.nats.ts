import { z } from 'zod';
import { KvBucket, KvError, kvKey } from '../../bus/index.ts';
import type { Bus, KvMirror } from '../../bus/index.ts';
import { DelegateError } from './delegate-error.ts';
import type { Delegate, DelegateStore } from './ports.ts';

const listSchema = z.array(
  z.object({
    url: z.string(),
    method: z.enum(['GET', 'POST']),
    attributes: z.array(z.object({ name: z.string(), value: z.string() })),
  }),
);
type Stored = z.infer<typeof listSchema>;

/** Delegates in a KV bucket, mirrored in memory. */
export class NatsDelegateStore implements DelegateStore {
  readonly #bucket: KvBucket<Stored>;
  readonly #mirror: KvMirror<Stored>;
  /** What was written here, until the mirror shows it. */
  readonly #written = new Map<string, { readonly list: Stored; readonly revision: number }>();

  private constructor(bucket: KvBucket<Stored>, mirror: KvMirror<Stored>) {
    this.#bucket = bucket;
    this.#mirror = mirror;
  }

  static async open(bus: Bus): Promise<NatsDelegateStore> {
    const bucket = await KvBucket.open(bus, { name: 'application-delegates', schema: listSchema });
    const mirror = bucket.mirror();
    await mirror.ready;
    return new NatsDelegateStore(bucket, mirror);
  }

  get(accountSid: string, applicationSid: string): readonly Delegate[] {
    const key = kvKey(accountSid, applicationSid);
    const written = this.#written.get(key);
    if (written !== undefined && written.revision > this.#mirror.seen) return written.list;
    this.#written.delete(key);
    return this.#mirror.get(key) ?? [];
  }

  async put(accountSid: string, applicationSid: string, delegates: readonly Delegate[]): Promise<void> {
    const key = kvKey(accountSid, applicationSid);
    const list = delegates.map(({ attributes, ...rest }) => ({ ...rest, attributes: [...attributes] }));
    try {
      this.#written.set(key, { list, revision: await this.#bucket.put(key, list) });
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      throw new DelegateError('unavailable', error.message, { cause: error });
    }
  }

  async remove(accountSid: string, applicationSid: string): Promise<void> {
    if (this.get(accountSid, applicationSid).length === 0) return;
    const key = kvKey(accountSid, applicationSid);
    try {
      await this.#bucket.delete(key);
      this.#written.delete(key);
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      throw new DelegateError('unavailable', error.message, { cause: error });
    }
  }

  close(): void {
    this.#mirror.close();
  }
}
