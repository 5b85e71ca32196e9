import { KvWatchInclude, Kvm } from '@nats-io/kv';
import { z } from 'zod';
import { KvBucket, KvError, kvKey, parseKvKey } from '../../bus/index.ts';
import type { Bus } from '../../bus/index.ts';
import { Emitter, backoffDelay, delay, describeError } from '../../kernel/index.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import { CacheError } from './cache-error.ts';
import type { Catalog, CatalogEntry, CatalogKey, CatalogRecord, RecordOf } from './ports.ts';

const BUCKET = 'hs-media';
/** Of what was removed the store keeps a mark; milliseconds until it may be dropped. */
const REMEMBERED_MS = 1_800_000;

const factsSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('url'), url: z.string() }),
  z.object({
    kind: z.literal('speech'),
    text: z.string(),
    voice: z.string().optional(),
    language: z.string().optional(),
  }),
  z.object({ kind: z.literal('upload'), name: z.string() }),
]);
const variantSchema = z.object({
  contentHash: z.string(),
  object: z.string(),
  bytes: z.number(),
  contentType: z.string(),
  policy: z.record(z.string(), z.unknown()).optional(),
  storedAt: z.number(),
});
const renditionFactsSchema = z.object({
  durationMs: z.number(),
  peakDb: z.number().optional(),
  rmsDb: z.number().optional(),
  sourceType: z.string(),
});
const recordSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('source'),
    facts: factsSchema,
    tags: z.array(z.string()),
    variants: z.array(variantSchema),
  }),
  z.object({
    kind: z.literal('rendition'),
    source: z.string(),
    contentHash: z.string(),
    codec: z.string(),
    rate: z.number(),
    object: z.string(),
    bytes: z.number(),
    sha256: z.string(),
    facts: renditionFactsSchema.optional(),
    storedAt: z.number(),
    usedAt: z.number(),
  }),
  z.object({ kind: z.literal('purge'), count: z.number() }),
]);

/** The catalogue in a KV bucket: every process reads and changes it, compare-and-swap, and hears of what others change. */
export class NatsCatalog implements Catalog {
  readonly #bus: Bus;
  readonly #bucket: KvBucket<CatalogRecord>;
  readonly #changes: Emitter<{ change: { readonly key: CatalogKey | undefined } }>;
  readonly #abort = new AbortController();
  #stopWatch: (() => void) | undefined;

  private constructor(bus: Bus, bucket: KvBucket<CatalogRecord>) {
    this.#bus = bus;
    this.#bucket = bucket;
    this.#changes = new Emitter((error) => {
      bus.log.error({ err: error }, 'a listener of the media catalogue failed');
    });
    void this.#watch();
  }

  /** @param replicas copies kept by a NATS cluster (default 1) */
  static async open(bus: Bus, replicas = 1): Promise<NatsCatalog> {
    // Zod knows an optional member as one that may hold undefined.
    const schema = recordSchema as unknown as z.ZodType<CatalogRecord>;
    return new NatsCatalog(bus, await KvBucket.open(bus, { name: BUCKET, schema, replicas }));
  }

  async get<K extends CatalogRecord['kind']>(key: CatalogKey<K>): Promise<CatalogEntry<K> | undefined> {
    try {
      const found = await this.#bucket.get(textOf(key));
      return found === undefined ? undefined : { key, record: found.value as RecordOf<K>, revision: found.revision };
    } catch (error) {
      // What an older version wrote is made anew.
      if (error instanceof KvError && error.reason === 'invalid') return undefined;
      throw failure(error);
    }
  }

  async put<K extends CatalogRecord['kind']>(
    key: CatalogKey<K>,
    record: RecordOf<K>,
    revision: number | undefined,
  ): Promise<number> {
    const text = textOf(key);
    try {
      return await (revision === undefined
        ? this.#bucket.create(text, record)
        : this.#bucket.update(text, record, revision));
    } catch (error) {
      throw failure(error);
    }
  }

  async remove(key: CatalogKey, revision?: number): Promise<void> {
    try {
      await this.#bucket.delete(textOf(key), revision);
    } catch (error) {
      throw failure(error);
    }
  }

  async list(accountSid?: string): Promise<CatalogEntry[]> {
    const entries: CatalogEntry[] = [];
    try {
      const kv = await new Kvm(this.#bus.js).open(BUCKET);
      const filter = accountSid === undefined ? {} : { key: `${kvKey(accountSid)}.>` };
      for await (const entry of await kv.history(filter)) {
        const [key, record] = [keyOf(entry.key), entry.operation === 'PUT' ? this.#bucket.parse(entry) : undefined];
        if (key !== undefined && record !== undefined) entries.push({ key, record, revision: entry.revision });
      }
    } catch (error) {
      throw failure(error);
    }
    return entries;
  }

  async forgetRemoved(): Promise<void> {
    const before = this.#bus.clock.now() - REMEMBERED_MS;
    try {
      const kv = await new Kvm(this.#bus.js).open(BUCKET);
      for await (const { key, operation, created, revision } of await kv.history()) {
        if (operation === 'PUT' || created.getTime() > before) continue;
        // Up to the mark only: the key may hold something again.
        await this.#bus.jsm.streams.purge(`KV_${BUCKET}`, { filter: `$KV.${BUCKET}.${key}`, seq: revision + 1 });
      }
    } catch (error) {
      throw failure(error);
    }
  }

  onChange(listener: (key: CatalogKey | undefined) => void): Unsubscribe {
    return this.#changes.on('change', ({ key }) => {
      listener(key);
    });
  }

  close(): void {
    this.#abort.abort(new Error('catalogue closed'));
    this.#stopWatch?.();
    this.#changes.clear();
  }

  async #watch(): Promise<void> {
    const { signal } = this.#abort;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#watchOnce();
        attempt = 0;
      } catch (error) {
        if (this.#bus.nc.isClosed()) return;
        this.#bus.log.debug({ reason: describeError(error) }, 'watching the media catalogue failed, retrying');
      }
      const wait = 20 + backoffDelay(attempt, this.#bus.random, { baseMs: 50, maxMs: 2000 });
      await delay(this.#bus.clock, wait, signal).catch(() => undefined);
    }
  }

  async #watchOnce(): Promise<void> {
    const kv = await new Kvm(this.#bus.js).open(BUCKET);
    const watch = await kv.watch({ include: KvWatchInclude.UpdatesOnly, headers_only: true });
    const stop = (): void => {
      watch.stop();
    };
    this.#stopWatch = stop;
    const off = this.#bus.on('reconnected', stop);
    if (this.#abort.signal.aborted) stop();
    // What changed before the watch was up is not told by it.
    this.#changes.emit('change', { key: undefined });
    try {
      for await (const { key } of watch) this.#changes.emit('change', { key: keyOf(key) });
    } finally {
      off();
      this.#stopWatch = undefined;
    }
  }
}

const KINDS: readonly string[] = ['source', 'rendition', 'purge'] satisfies CatalogRecord['kind'][];

const textOf = ({ accountSid, kind, id }: CatalogKey): string => kvKey(accountSid, kind, id);

function keyOf(text: string): CatalogKey | undefined {
  const [accountSid, kind, id] = parseKvKey(text) ?? [];
  if (accountSid === undefined || id === undefined || kind === undefined || !KINDS.includes(kind)) return undefined;
  return { accountSid, kind: kind as CatalogRecord['kind'], id };
}

function failure(error: unknown): CacheError {
  if (error instanceof CacheError) return error;
  if (error instanceof KvError && error.reason === 'conflict') return CacheError.of('conflict', 'was changed', error);
  return CacheError.of('unavailable', 'is out of reach', error);
}
