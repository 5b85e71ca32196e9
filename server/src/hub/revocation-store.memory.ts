import { Emitter } from '../kernel/index.ts';
import type { Clock, Log } from '../kernel/index.ts';
import type { Grants } from '@hookswitch/shared';
import { RevocationError } from './errors.ts';
import type { Revocation, RevocationStore } from './ports.ts';
import { RevocationIndex } from './revocations.ts';

/** Revocations of this process alone. */
export class MemoryRevocationStore implements RevocationStore {
  readonly ready = Promise.resolve();
  readonly #index: RevocationIndex;
  readonly #emitter: Emitter<{ added: Revocation }>;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#index = new RevocationIndex(clock);
    this.#emitter = new Emitter((error) => {
      log.error({ err: error }, 'a listener of revocations failed');
    });
  }

  add(revocation: Revocation): Promise<void> {
    if (this.#index.isFull(revocation)) return Promise.reject(new RevocationError('full', 'too many revocations'));
    this.#index.set(revocation);
    this.#emitter.emit('added', revocation);
    return Promise.resolve();
  }

  remove(accountSid: string, sid: string): Promise<boolean> {
    const found = this.#index.find(accountSid, sid);
    return Promise.resolve(found !== undefined && this.#index.delete(found));
  }

  list(accountSid: string): Revocation[] {
    return this.#index.list(accountSid);
  }

  hit(grants: Grants): Revocation | undefined {
    return this.#index.hit(grants);
  }

  onAdded(listener: (revocation: Revocation) => void): () => void {
    return this.#emitter.on('added', listener);
  }

  close(): void {
    this.#emitter.clear();
  }
}
