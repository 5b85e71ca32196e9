import type { AddressBindings, BindingStore, StoredBindings } from './ports.ts';

/** Registrations that live as long as the process. */
export class MemoryBindings implements BindingStore {
  readonly #records = new Map<string, StoredBindings>();
  #revision = 0;

  read(address: string): Promise<StoredBindings | undefined> {
    return Promise.resolve(this.#records.get(address));
  }

  write(record: AddressBindings, revision: number | undefined): Promise<boolean> {
    if (this.#records.get(record.address)?.revision !== revision) return Promise.resolve(false);
    if (record.bindings.length === 0) this.#records.delete(record.address);
    else this.#records.set(record.address, { ...record, revision: ++this.#revision });
    return Promise.resolve(true);
  }

  find(address: string): AddressBindings | undefined {
    return this.#records.get(address);
  }

  all(): Iterable<AddressBindings> {
    return this.#records.values();
  }

  close(): void {
    this.#records.clear();
  }
}
