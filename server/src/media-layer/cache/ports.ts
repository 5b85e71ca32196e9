import type { Unsubscribe } from '../../kernel/index.ts';

/** What a source is: of an address, of a text, or uploaded. */
export type SourceFacts =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'speech'; readonly text: string; readonly voice?: string; readonly language?: string }
  | { readonly kind: 'upload'; readonly name: string };

/** One stored response of an origin, or the one body of a text or an upload. */
export interface SourceVariant {
  /** Of the bytes, or of everything that shapes them. */
  readonly contentHash: string;
  /** Name of the bytes in the body store. */
  readonly object: string;
  readonly bytes: number;
  readonly contentType: string;
  /** Life of a response by RFC 9111; undefined: it does not end. */
  readonly policy?: Readonly<Record<string, unknown>> | undefined;
  /** When the bytes came, epoch milliseconds. */
  readonly storedAt: number;
}

export interface SourceRecord {
  readonly kind: 'source';
  readonly facts: SourceFacts;
  readonly tags: readonly string[];
  /** Newest first. */
  readonly variants: readonly SourceVariant[];
}

/** What audio is: see `AudioFacts`; and what it was made of, as a media type. */
export interface RenditionFacts {
  readonly durationMs: number;
  readonly peakDb?: number | undefined;
  readonly rmsDb?: number | undefined;
  readonly sourceType: string;
}

/** Audio in one form, made of one source's content: immutable. */
export interface RenditionRecord {
  readonly kind: 'rendition';
  /** Ids of the source records that it was made for. */
  readonly source: string;
  readonly contentHash: string;
  readonly codec: string;
  readonly rate: number;
  readonly object: string;
  readonly bytes: number;
  /** SHA-256 of the bytes, base64url: checked whenever they are read back. */
  readonly sha256: string;
  /** Undefined: stored before there were any. */
  readonly facts?: RenditionFacts | undefined;
  readonly storedAt: number;
  /** Coarse, epoch milliseconds: what was not used for longest is dropped first. */
  readonly usedAt: number;
}

/** Rises with every purge of the account: what was fetched before one is not stored after it. */
export interface PurgeRecord {
  readonly kind: 'purge';
  readonly count: number;
}

export type CatalogRecord = SourceRecord | RenditionRecord | PurgeRecord;
export type RecordOf<K extends CatalogRecord['kind']> = Extract<CatalogRecord, { kind: K }>;

/** Keys are made of an account, a kind and an id of letters, digits, `-` and `_`. */
export interface CatalogKey<K extends CatalogRecord['kind'] = CatalogRecord['kind']> {
  readonly accountSid: string;
  readonly kind: K;
  readonly id: string;
}

export interface CatalogEntry<K extends CatalogRecord['kind'] = CatalogRecord['kind']> {
  readonly key: CatalogKey<K>;
  readonly record: RecordOf<K>;
  readonly revision: number;
}

/**
 * What is cached, for the whole cluster. Methods reject with CacheError: `unavailable` when the store cannot be reached,
 * `conflict` when the revision was not the current one.
 */
export interface Catalog {
  get<K extends CatalogRecord['kind']>(key: CatalogKey<K>): Promise<CatalogEntry<K> | undefined>;
  /** @param revision what is replaced; undefined: there is nothing. @returns the new one */
  put<K extends CatalogRecord['kind']>(
    key: CatalogKey<K>,
    record: RecordOf<K>,
    revision: number | undefined,
  ): Promise<number>;
  remove(key: CatalogKey, revision?: number): Promise<void>;
  /** All records of an account, or of all: a scan. */
  list(accountSid?: string): Promise<CatalogEntry[]>;
  /** Drops the marks that removed records leave behind, when they are old. */
  forgetRemoved(): Promise<void>;
  /** What others changed, soon after they did; undefined: anything may have changed. Also for own changes. */
  onChange(listener: (key: CatalogKey | undefined) => void): Unsubscribe;
  close(): void;
}

export interface StoredBody {
  readonly name: string;
  readonly bytes: number;
  /** Epoch milliseconds, by the store's clock. */
  readonly storedAt: number;
}

/**
 * Bytes by name, for the whole cluster. A body is there whole or not at all, whatever happens to who stores it. Methods reject
 * with CacheError `unavailable`.
 */
export interface BodyStore {
  put(name: string, body: Uint8Array): Promise<void>;
  /** Checked: undefined also when what is stored is not what was put. */
  get(name: string): Promise<Uint8Array | undefined>;
  remove(name: string): Promise<void>;
  list(): Promise<StoredBody[]>;
  /** Drops what broken stores left behind and nobody sees, when it is older than this. @returns how many bodies */
  sweep(olderThanMs: number): Promise<number>;
}

/** Work that the cluster does once at a time. */
export interface Flights {
  /**
   * Does the work, or waits until whoever does it has ended. When that one dies, or does not tell that it lives, another one
   * takes over. Without the store of leases the work is done all the same.
   * @returns `led`: the work was done here; `followed`: it ended elsewhere, well or not. Rejects with what the work threw.
   */
  run(key: string, work: () => Promise<void>): Promise<'led' | 'followed'>;
  close(): void;
}

/** Copies of bodies on the process's own disk, bounded. Methods reject when the disk fails. */
export interface DiskBodies {
  get(name: string): Promise<Uint8Array | undefined>;
  /** Not kept when it is too large for the bound. */
  put(name: string, body: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
}
