import type { SessionRecord, SessionScope, SessionStore, TrackingLink, TrackingLinkStore } from './ports.ts';
import { scopeText } from './scope.ts';
import { SessionError } from './session-error.ts';

/** Sessions of one process. */
export class MemorySessionStore implements SessionStore {
  readonly #held = new Map<string, { readonly record: SessionRecord; readonly revision: number }>();
  #revision = 0;

  get(scope: SessionScope): ReturnType<SessionStore['get']> {
    return Promise.resolve(this.#held.get(scopeText(scope)));
  }

  put(record: SessionRecord, revision: number | undefined): Promise<void> {
    const key = scopeText(record.scope);
    if (this.#held.get(key)?.revision !== revision) {
      return Promise.reject(new SessionError('conflict', `the session ${key} was changed by somebody else meanwhile`));
    }
    this.#revision += 1;
    this.#held.set(key, { record, revision: this.#revision });
    return Promise.resolve();
  }

  remove(scope: SessionScope): Promise<void> {
    this.#held.delete(scopeText(scope));
    return Promise.resolve();
  }

  scopes(accountSid: string): Promise<readonly SessionScope[]> {
    const all = [...this.#held.values()].map(({ record }) => record.scope);
    return Promise.resolve(all.filter((scope) => scope.accountSid === accountSid));
  }
}

/** Tracking links of one process. */
export class MemoryTrackingLinkStore implements TrackingLinkStore {
  readonly #links = new Map<string, TrackingLink>();

  put(opaque: string, link: TrackingLink): Promise<void> {
    this.#links.set(opaque, link);
    return Promise.resolve();
  }

  get(opaque: string): Promise<TrackingLink | undefined> {
    return Promise.resolve(this.#links.get(opaque));
  }
}
