import type { Clock, Log } from '../../kernel/index.ts';
import { describeError } from '../../kernel/index.ts';
import { isConflict } from '../cache/cache-error.ts';
import type { BodyStore, Catalog, CatalogEntry } from '../cache/ports.ts';
import { recordingSourceId, withoutSecrets } from './media-request.ts';

export interface HousekeepingOptions {
  readonly catalog: Catalog;
  readonly bodies: BodyStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** What an account keeps now. */
export interface MediaUsage {
  readonly sources: number;
  readonly renditions: number;
  readonly bytes: number;
}

/** What is to be dropped: of one address, of all that begin so, of a tag, or everything. */
export type PurgeSelector =
  | { readonly by: 'url'; readonly url: string }
  | { readonly by: 'prefix'; readonly prefix: string }
  | { readonly by: 'tag'; readonly tag: string }
  | { readonly by: 'upload'; readonly name: string }
  /** What was made of it; the recording itself is in its own store. */
  | { readonly by: 'recording'; readonly recording: string }
  | { readonly by: 'everything' };

/** A body without a record is being stored by somebody, or was left behind: after this it is dropped, milliseconds. */
const ABANDONED_MS = 600_000;
/** When room is made, some is left. */
const FILLED = 0.9;

/** Looks after what is kept, for all accounts, from any process. A read or write is not atomic with others: each record is. */
export class Housekeeping {
  readonly #options: HousekeepingOptions;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  /** Rejects with CacheError. */
  async usage(accountSid: string): Promise<MediaUsage> {
    const entries = await this.#options.catalog.list(accountSid);
    return {
      sources: entries.filter(({ record }) => record.kind === 'source').length,
      renditions: entries.filter(({ record }) => record.kind === 'rendition').length,
      bytes: entries.reduce((sum, entry) => sum + bytesOf(entry), 0),
    };
  }

  /**
   * Drops what was fetched or uploaded, and everything that was made of it. What is being fetched meanwhile is not stored. Rejects
   * with CacheError. @returns how many sources
   */
  async purge(accountSid: string, selector: PurgeSelector): Promise<number> {
    await this.#countPurge(accountSid);
    const entries = await this.#options.catalog.list(accountSid);
    const sources = entries.filter((entry) => isChosen(entry, selector));
    const ids = new Set(sources.map(({ key }) => key.id));
    if (selector.by === 'recording') ids.add(recordingSourceId(accountSid, selector.recording));
    const contents = new Set(sources.flatMap(contentsOf));
    for (const source of sources) await this.#drop(source);
    for (const entry of entries) {
      const { record } = entry;
      if (record.kind !== 'rendition') continue;
      const isOfThem = ids.has(record.source) || contents.has(record.contentHash);
      if (isOfThem || selector.by === 'everything') await this.#drop(entry);
    }
    return sources.length;
  }

  /** Drops what was not used for longest until the account keeps less than this. @returns bytes that it keeps then */
  async makeRoom(accountSid: string, limit: number): Promise<number> {
    const entries = await this.#options.catalog.list(accountSid);
    let bytes = entries.reduce((sum, entry) => sum + bytesOf(entry), 0);
    if (bytes <= limit) return bytes;
    const oldestFirst = entries.filter(isEvictable).sort((a, b) => lastUse(a) - lastUse(b));
    for (const entry of oldestFirst) {
      if (bytes <= limit * FILLED) break;
      await this.#drop(entry);
      bytes -= bytesOf(entry);
    }
    return bytes;
  }

  /** Drops bodies that no record names: left behind by processes that died. Once a while, by any process. @returns how many */
  async sweep(): Promise<number> {
    const { catalog, bodies, clock } = this.#options;
    let dropped = await bodies.sweep(ABANDONED_MS);
    const stored = await bodies.list();
    const named = new Set((await catalog.list()).flatMap(objectsOf));
    for (const { name, storedAt } of stored) {
      if (named.has(name) || clock.now() - storedAt < ABANDONED_MS) continue;
      await bodies.remove(name);
      dropped += 1;
    }
    await catalog.forgetRemoved();
    return dropped;
  }

  async #countPurge(accountSid: string): Promise<void> {
    const { catalog } = this.#options;
    const key = { accountSid, kind: 'purge', id: 'all' } as const;
    for (let attempt = 0; ; attempt++) {
      const entry = await catalog.get(key);
      try {
        await catalog.put(key, { kind: 'purge', count: (entry?.record.count ?? 0) + 1 }, entry?.revision);
        return;
      } catch (error) {
        if (!isConflict(error) || attempt > 10) throw error;
      }
    }
  }

  /** The record first: nobody is to see it without its bytes. */
  async #drop(entry: CatalogEntry): Promise<void> {
    const { catalog, bodies, log } = this.#options;
    await catalog.remove(entry.key);
    for (const object of objectsOf(entry)) {
      await bodies.remove(object).catch((error: unknown) => {
        log.info({ reason: describeError(error) }, 'media: bytes that nobody names any more are left to the sweep');
      });
    }
  }
}

function isChosen({ record }: CatalogEntry, selector: PurgeSelector): boolean {
  if (record.kind !== 'source') return false;
  const { facts, tags } = record;
  switch (selector.by) {
    case 'url':
      return facts.kind === 'url' && facts.url === withoutSecrets(selector.url);
    case 'prefix':
      return facts.kind === 'url' && facts.url.startsWith(selector.prefix);
    case 'tag':
      return tags.includes(selector.tag);
    case 'upload':
      return facts.kind === 'upload' && facts.name === selector.name;
    case 'recording':
      return false;
    case 'everything':
      return true;
  }
}

/** Uploads stay until their account drops them. */
function isEvictable({ record }: CatalogEntry): boolean {
  return record.kind === 'rendition' || (record.kind === 'source' && record.facts.kind !== 'upload');
}

function lastUse({ record }: CatalogEntry): number {
  if (record.kind === 'rendition') return record.usedAt;
  return record.kind === 'source' ? Math.max(0, ...record.variants.map(({ storedAt }) => storedAt)) : 0;
}

function bytesOf({ record }: CatalogEntry): number {
  if (record.kind === 'rendition') return record.bytes;
  return record.kind === 'source' ? record.variants.reduce((sum, { bytes }) => sum + bytes, 0) : 0;
}

function contentsOf({ record }: CatalogEntry): string[] {
  return record.kind === 'source' ? record.variants.map(({ contentHash }) => contentHash) : [];
}

function objectsOf({ record }: CatalogEntry): string[] {
  if (record.kind === 'rendition') return [record.object];
  return record.kind === 'source' ? record.variants.map(({ object }) => object) : [];
}
