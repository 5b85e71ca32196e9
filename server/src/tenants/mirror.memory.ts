import { DirectoryView } from './directory-view.ts';
import type { Directory, TenantMirror, TenantRepository } from './ports.ts';
import type { TenantKind, TenantRecord } from './records.ts';
import type { SecretBox } from './secret-box.ts';
import { allRecords } from './store.ts';
import type { Log } from '../kernel/index.ts';

/** A mirror whose only reader is the directory of the same process. */
export class MemoryTenantMirror implements TenantMirror {
  readonly #view: DirectoryView;

  constructor(parts: { secrets: SecretBox; log: Log }) {
    this.#view = new DirectoryView(parts);
  }

  get directory(): Directory {
    return this.#view;
  }

  put(record: TenantRecord): Promise<void> {
    this.#view.apply(record);
    return Promise.resolve();
  }

  remove(kind: TenantKind, sid: string): Promise<void> {
    this.#view.remove(kind, sid);
    return Promise.resolve();
  }

  async rebuild(repository: TenantRepository): Promise<void> {
    for (const record of await allRecords(repository)) this.#view.apply(record);
  }
}
