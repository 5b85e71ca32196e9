import type { Unsubscribe } from '../../kernel/index.ts';
import type { Catalog, CatalogEntry, CatalogKey, CatalogRecord, RecordOf } from './ports.ts';
import { S3Fifo } from './s3-fifo.ts';

interface Read {
  overtaken: boolean;
}

/** Entries that a process keeps (each about a kilobyte). */
const DEFAULT_ENTRIES = 50_000;

/**
 * A catalogue with its used entries in memory: what was read is given out without asking until somebody, here or elsewhere,
 * changes it. What is not there is asked for every time.
 */
export class HotCatalog implements Catalog {
  readonly #inner: Catalog;
  readonly #entries: S3Fifo<CatalogEntry>;
  /** Reads on their way; one that was overtaken by a change is not kept. */
  readonly #reads = new Map<string, Set<Read>>();
  /** The one of them that whoever asks meanwhile waits for. */
  readonly #shared = new Map<string, { readonly read: Read; readonly answer: Promise<CatalogEntry | undefined> }>();
  readonly #off: Unsubscribe;

  constructor(inner: Catalog, entries = DEFAULT_ENTRIES) {
    this.#inner = inner;
    this.#entries = new S3Fifo({ capacity: entries });
    this.#off = inner.onChange((key) => {
      this.#forget(key);
    });
  }

  /** Entries in memory. */
  get held(): number {
    return this.#entries.count;
  }

  async get<K extends CatalogRecord['kind']>(key: CatalogKey<K>): Promise<CatalogEntry<K> | undefined> {
    const name = nameOf(key);
    const held = this.#entries.get(name) ?? (await this.#sharedRead(name, key));
    return held as unknown as CatalogEntry<K> | undefined;
  }

  /** What is stored, past the copy in memory. */
  read<K extends CatalogRecord['kind']>(key: CatalogKey<K>): Promise<CatalogEntry<K> | undefined> {
    return this.#read(nameOf(key), key, { overtaken: false });
  }

  /** A thousand who ask at once are one question to the store, unless what it asks for changed since it was asked. */
  async #sharedRead(name: string, key: CatalogKey): Promise<CatalogEntry | undefined> {
    const running = this.#shared.get(name);
    if (running?.read.overtaken === false) return await running.answer;
    const read = { overtaken: false };
    const shared = { read, answer: this.#read(name, key, read) };
    this.#shared.set(name, shared);
    try {
      return await shared.answer;
    } finally {
      if (this.#shared.get(name) === shared) this.#shared.delete(name);
    }
  }

  async #read<K extends CatalogRecord['kind']>(
    name: string,
    key: CatalogKey<K>,
    read: Read,
  ): Promise<CatalogEntry<K> | undefined> {
    const reads = this.#reads.get(name) ?? new Set();
    this.#reads.set(name, reads.add(read));
    try {
      const entry = await this.#inner.get(key);
      if (entry === undefined) this.#entries.delete(name);
      else if (!read.overtaken) this.#entries.set(name, entry as unknown as CatalogEntry, 1);
      return entry;
    } finally {
      reads.delete(read);
      if (reads.size === 0) this.#reads.delete(name);
    }
  }

  async put<K extends CatalogRecord['kind']>(
    key: CatalogKey<K>,
    record: RecordOf<K>,
    revision: number | undefined,
  ): Promise<number> {
    this.#forget(key);
    return await this.#inner.put(key, record, revision);
  }

  async remove(key: CatalogKey, revision?: number): Promise<void> {
    await this.#inner.remove(key, revision);
    this.#forget(key);
  }

  list(accountSid?: string): Promise<CatalogEntry[]> {
    return this.#inner.list(accountSid);
  }

  forgetRemoved(): Promise<void> {
    return this.#inner.forgetRemoved();
  }

  onChange(listener: (key: CatalogKey | undefined) => void): Unsubscribe {
    return this.#inner.onChange(listener);
  }

  /** Also of what it stands on. */
  close(): void {
    this.#off();
    this.#inner.close();
    this.#entries.clear();
  }

  #forget(key: CatalogKey | undefined): void {
    if (key === undefined) this.#entries.clear();
    else this.#entries.delete(nameOf(key));
    const overtaken = key === undefined ? [...this.#reads.values()] : [this.#reads.get(nameOf(key)) ?? []];
    for (const reads of overtaken) for (const read of reads) read.overtaken = true;
  }
}

const nameOf = ({ accountSid, kind, id }: CatalogKey): string => `${accountSid}.${kind}.${id}`;
