import { targetMatches } from './registration-match.ts';
import type { Registration, RegistrationChange, RegistrationKey, Registrations } from './ports.ts';

interface Watcher {
  readonly accountSid: string;
  readonly target: string;
  readonly listener: (change: RegistrationChange) => void;
}

/** Registrations of one process, lost with it. */
export class MemoryRegistrations implements Registrations {
  readonly #byKey = new Map<string, Registration>();
  readonly #watchers = new Set<Watcher>();

  /** Registrations and watchers held, for leak checks. */
  get size(): { readonly registrations: number; readonly watchers: number } {
    return { registrations: this.#byKey.size, watchers: this.#watchers.size };
  }

  put(registration: Registration): Promise<void> {
    this.#byKey.set(keyOf(registration), registration);
    this.#announce({ kind: 'put', registration });
    return Promise.resolve();
  }

  get(key: RegistrationKey): Promise<Registration | undefined> {
    return Promise.resolve(this.#byKey.get(keyOf(key)));
  }

  remove(key: RegistrationKey, connection: string): Promise<boolean> {
    const held = this.#byKey.get(keyOf(key));
    if (held?.connection !== connection) return Promise.resolve(false);
    this.#byKey.delete(keyOf(key));
    const { accountSid, identity, registration } = key;
    this.#announce({ kind: 'removed', registration: { accountSid, identity, registration } });
    return Promise.resolve(true);
  }

  find(accountSid: string, target: string): Promise<readonly Registration[]> {
    const found = [...this.#byKey.values()].filter(
      (held) => held.accountSid === accountSid && targetMatches(target, held.identity),
    );
    return Promise.resolve(found.sort((a, b) => a.since - b.since));
  }

  list(accountSid: string, prefix: string): Promise<readonly Registration[]> {
    const found = [...this.#byKey.values()].filter(
      (held) => held.accountSid === accountSid && held.identity.startsWith(prefix),
    );
    return Promise.resolve(found.sort((a, b) => a.since - b.since));
  }

  watch(
    accountSid: string,
    target: string,
    listener: (change: RegistrationChange) => void,
  ): { readonly ready: Promise<void>; close(): void } {
    const watcher: Watcher = { accountSid, target, listener };
    this.#watchers.add(watcher);
    return { ready: Promise.resolve(), close: () => this.#watchers.delete(watcher) };
  }

  #announce(change: RegistrationChange): void {
    const { accountSid, identity } = change.registration;
    for (const watcher of [...this.#watchers]) {
      if (watcher.accountSid === accountSid && targetMatches(watcher.target, identity)) watcher.listener(change);
    }
  }
}

function keyOf(key: RegistrationKey): string {
  return `${key.accountSid} ${key.identity} ${key.registration}`;
}
