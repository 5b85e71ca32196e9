import { bridgeRequestEndSchema } from '@hookswitch/shared';
import { z } from 'zod';
import { KvBucket, KvError, kvKey } from '../../bus/index.ts';
import type { Bus, KvMirror } from '../../bus/index.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import type { BridgeRequest, BridgeRequestStore, HeldRequest } from './ports.ts';
import { BridgeRequestError } from './request-error.ts';

const requestSchema = z.object({
  sid: z.string(),
  accountSid: z.string(),
  identity: z.string(),
  to: z.string(),
  from: z.string(),
  applicationSid: z.string().optional(),
  data: z.unknown(),
  announced: z.boolean(),
  secret: z.string(),
  createdAt: z.number(),
  expiresAt: z.number(),
  status: z.enum(['pending', ...bridgeRequestEndSchema.options]),
  closedAt: z.number().optional(),
  callSid: z.string().optional(),
  registration: z.string().optional(),
});
type Stored = z.infer<typeof requestSchema>;

/** For how long a request can be read after its last change: the longest that one is offered, and a day. Milliseconds. */
const KEPT_MS = 2 * 24 * 3_600_000;

/** Bridge requests in a KV bucket, with a mirror in memory for what is listed and told. The caller closes it. */
export class NatsBridgeRequestStore implements BridgeRequestStore {
  readonly #bucket: KvBucket<Stored>;
  readonly #mirror: KvMirror<Stored>;

  private constructor(bucket: KvBucket<Stored>) {
    this.#bucket = bucket;
    this.#mirror = bucket.mirror();
  }

  /** @throws KvError */
  static async open(bus: Bus): Promise<NatsBridgeRequestStore> {
    const bucket = await KvBucket.open(bus, { name: 'bridge-requests', schema: requestSchema, ttlMs: KEPT_MS });
    const store = new NatsBridgeRequestStore(bucket);
    await store.#mirror.ready;
    return store;
  }

  async create(request: BridgeRequest): Promise<void> {
    await run(() => this.#bucket.create(keyOf(request), { ...request }));
  }

  async get(accountSid: string, sid: string): Promise<HeldRequest | undefined> {
    const found = await run(() => this.#bucket.get(keyOf({ accountSid, sid })));
    return found === undefined ? undefined : { request: found.value, revision: found.revision };
  }

  async replace(request: BridgeRequest, revision: number): Promise<boolean> {
    return await run(async () => {
      try {
        await this.#bucket.update(keyOf(request), { ...request }, revision);
        return true;
      } catch (error) {
        if (error instanceof KvError && error.reason === 'conflict') return false;
        throw error;
      }
    });
  }

  *known(): Generator<BridgeRequest> {
    for (const [, request] of this.#mirror.entries()) yield request;
  }

  onChange(listener: (request: BridgeRequest) => void): Unsubscribe {
    return this.#mirror.onChange((change) => {
      if (change.kind === 'set') listener(change.value);
    });
  }

  close(): void {
    this.#mirror.close();
  }
}

function keyOf({ accountSid, sid }: Pick<BridgeRequest, 'accountSid' | 'sid'>): string {
  return kvKey(accountSid, sid);
}

async function run<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
    throw new BridgeRequestError('unavailable', `bridge requests cannot be reached now: ${error.message}`, {
      cause: error,
    });
  }
}
