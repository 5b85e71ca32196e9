import type { Clock, Log, Random } from '../../kernel/index.ts';
import { describeError, randomHex } from '../../kernel/index.ts';
import { isConflict } from '../cache/cache-error.ts';
import type { HotCatalog } from '../cache/hot-catalog.ts';
import type { BodyStore, CatalogEntry, CatalogKey, SourceRecord, SourceVariant } from '../cache/ports.ts';
import type { AskedFor } from './freshness.ts';
import { Freshness } from './freshness.ts';
import type { KeptSource, MediaRequest } from './media-request.ts';
import { factsOf } from './media-request.ts';
import type { Content } from './obtain.ts';
import type { Allowance } from './ports.ts';

/** One look for a source. */
export interface Lookup {
  readonly request: MediaRequest<KeptSource>;
  /** Of the source's record. */
  readonly id: string;
  readonly asked: AskedFor;
  /** Of a text: everything that shapes it. */
  readonly fingerprint: string;
  /** The store has the record, but not its content. */
  readonly lost: boolean;
}

export type SourceEntry = CatalogEntry<'source'>;

/** A stored response that answers a lookup. */
export interface HeldVariant {
  readonly variant: SourceVariant;
  /** Undefined: it does not age. */
  readonly freshness: Freshness | undefined;
}

export interface SourceShelfOptions {
  readonly catalog: HotCatalog;
  readonly bodies: BodyStore;
  readonly allowance: Allowance;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Responses of one address that are kept beside each other when its origin varies them. */
const MOST_VARIANTS = 8;
const MOST_TAGS = 16;

/** The stored sources. A store that is out of reach is an empty one, that keeps nothing. */
export class SourceShelf {
  readonly #options: SourceShelfOptions;

  constructor(options: SourceShelfOptions) {
    this.#options = options;
  }

  /** As it is in memory, if it is. */
  find(lookup: Lookup): Promise<SourceEntry | undefined> {
    return this.#quietly('be read', () => this.#options.catalog.get(keyOf(lookup)));
  }

  /** As it is in the store. */
  read(lookup: Lookup): Promise<SourceEntry | undefined> {
    return this.#quietly('be read', () => this.#options.catalog.read(keyOf(lookup)));
  }

  variantOf({ asked }: Lookup, entry: SourceEntry | undefined): HeldVariant | undefined {
    for (const variant of entry?.record.variants ?? []) {
      const freshness = this.#freshnessOf(variant);
      if (freshness === undefined || freshness.matches(asked)) return { variant, freshness };
    }
    return undefined;
  }

  /** Undefined: it is not there any more. Rejects with CacheError. */
  body({ object }: SourceVariant): Promise<Uint8Array | undefined> {
    return this.#options.bodies.get(object);
  }

  /** How often the account purged. What was fetched before a purge is not to be stored after it. */
  async purges({ request: { accountSid } }: Lookup): Promise<number> {
    const key = { accountSid, kind: 'purge', id: 'all' } as const;
    return (await this.#quietly('be read', () => this.#options.catalog.get(key)))?.record.count ?? 0;
  }

  /**
   * Stores new content, in the place of what answered the same lookup. The bytes first, then the record that names them.
   * @returns false: it is not stored
   */
  async store(lookup: Lookup, entry: SourceEntry | undefined, content: Content): Promise<boolean> {
    const { bodies, clock, random } = this.#options;
    const replaced = this.variantOf(lookup, entry)?.variant;
    const same = replaced?.contentHash === content.contentHash && !lookup.lost ? replaced : undefined;
    const object = same?.object ?? `${lookup.request.accountSid}/s-${content.contentHash}-${randomHex(random, 6)}`;
    const stored = await this.#quietly('keep a source', async () => {
      if (same === undefined) {
        if (!(await this.#options.allowance.admit(lookup.request.accountSid, content.body.length))) return false;
        await bodies.put(object, content.body);
      }
      const variant: SourceVariant = {
        contentHash: content.contentHash,
        object,
        bytes: content.body.length,
        contentType: content.contentType,
        ...(content.freshness === undefined ? {} : { policy: content.freshness.toJSON() }),
        storedAt: same?.storedAt ?? clock.now(),
      };
      return await this.#write(lookup, entry, { variant, replaced });
    });
    if (stored !== true && same === undefined) await this.#drop(object);
    return stored === true;
  }

  /** The origin said that it has not changed. */
  async renew(lookup: Lookup, entry: SourceEntry | undefined, { variant, freshness }: HeldVariant): Promise<void> {
    const renewed = { ...variant, ...(freshness === undefined ? {} : { policy: freshness.toJSON() }) };
    const replaced = entry?.record.variants.find(({ object }) => object === variant.object);
    await this.#quietly('keep what it heard of a source', () =>
      this.#write(lookup, entry, { variant: renewed, replaced }),
    );
  }

  async #write(
    lookup: Lookup,
    entry: SourceEntry | undefined,
    { variant, replaced }: { readonly variant: SourceVariant; readonly replaced: SourceVariant | undefined },
  ): Promise<boolean> {
    const others = (entry?.record.variants ?? []).filter((other) => other !== replaced);
    const kept = others.slice(0, MOST_VARIANTS - 1);
    const { source, tags = [] } = lookup.request;
    const record: SourceRecord = {
      kind: 'source',
      facts: factsOf(source),
      tags: [...new Set([...tags, ...(entry?.record.tags ?? [])])].slice(0, MOST_TAGS),
      variants: [variant, ...kept],
    };
    try {
      await this.#options.catalog.put(keyOf(lookup), record, entry?.revision);
    } catch (error) {
      if (isConflict(error)) return false;
      throw error;
    }
    const named = new Set(record.variants.map(({ object }) => object));
    for (const { object } of entry?.record.variants ?? []) if (!named.has(object)) await this.#drop(object);
    return true;
  }

  #freshnessOf({ policy }: SourceVariant): Freshness | undefined {
    return policy === undefined ? undefined : Freshness.fromStored(policy, this.#options.clock);
  }

  async #drop(object: string): Promise<void> {
    await this.#quietly('drop a source', () => this.#options.bodies.remove(object));
  }

  async #quietly<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#options.log.warn({ reason: describeError(error) }, `media: the cache could not ${what}`);
      return undefined;
    }
  }
}

const keyOf = ({ request, id }: Lookup): CatalogKey<'source'> => ({
  accountSid: request.accountSid,
  kind: 'source',
  id,
});
