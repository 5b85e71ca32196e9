import { Emitter } from '../../kernel/index.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import { CacheError } from './cache-error.ts';
import type { Catalog, CatalogEntry, CatalogKey, CatalogRecord, RecordOf } from './ports.ts';

/** A catalogue in memory: for one process, and for tests, where several layers may share one. */
export class MemoryCatalog implements Catalog {
  readonly #entries = new Map<string, CatalogEntry>();
  readonly #changes = new Emitter<{ change: CatalogKey }>(() => undefined);
  #revision = 0;

  get<K extends CatalogRecord['kind']>(key: CatalogKey<K>): Promise<CatalogEntry<K> | undefined> {
    return Promise.resolve(this.#entries.get(nameOf(key)) as CatalogEntry<K> | undefined);
  }

  put<K extends CatalogRecord['kind']>(
    key: CatalogKey<K>,
    record: RecordOf<K>,
    revision: number | undefined,
  ): Promise<number> {
    if (this.#entries.get(nameOf(key))?.revision !== revision) return Promise.reject(conflict(key));
    this.#revision += 1;
    const entry = { key, record, revision: this.#revision } as unknown as CatalogEntry;
    this.#entries.set(nameOf(key), entry);
    this.#changes.emit('change', key);
    return Promise.resolve(entry.revision);
  }

  remove(key: CatalogKey, revision?: number): Promise<void> {
    const held = this.#entries.get(nameOf(key));
    if (revision !== undefined && held?.revision !== revision) return Promise.reject(conflict(key));
    if (this.#entries.delete(nameOf(key))) this.#changes.emit('change', key);
    return Promise.resolve();
  }

  list(accountSid?: string): Promise<CatalogEntry[]> {
    const all = [...this.#entries.values()];
    return Promise.resolve(all.filter(({ key }) => accountSid === undefined || key.accountSid === accountSid));
  }

  forgetRemoved(): Promise<void> {
    return Promise.resolve();
  }

  onChange(listener: (key: CatalogKey | undefined) => void): Unsubscribe {
    return this.#changes.on('change', listener);
  }

  close(): void {
    this.#changes.clear();
  }
}

const nameOf = ({ accountSid, kind, id }: CatalogKey): string => `${accountSid}.${kind}.${id}`;

function conflict(key: CatalogKey): CacheError {
  return new CacheError('conflict', `${nameOf(key)} was changed by somebody else meanwhile`);
}
