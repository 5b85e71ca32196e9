import type { Grants } from '@hookswitch/shared';
import { maySubscribe } from '../hub/index.ts';
import type { Delivery, Hub } from '../hub/index.ts';
import type { ExtensionSessions } from './extensions.ts';
import type { Outbox } from './outbox.ts';

export interface SessionOptions {
  readonly id: string;
  readonly grants: Grants;
  readonly hub: Hub;
  readonly outbox: Outbox;
  readonly extensions: (session: Session) => ExtensionSessions;
}

/** What an authenticated connection holds. Commands work on it; the connection closes it. */
export class Session {
  readonly id: string;
  readonly outbox: Outbox;
  readonly delivery: Delivery;
  readonly extensions: ExtensionSessions;
  #grants: Grants;
  #closed = false;

  constructor(options: SessionOptions) {
    this.id = options.id;
    this.outbox = options.outbox;
    this.#grants = options.grants;
    this.delivery = options.hub.openDelivery(options.grants.accountSid, options.outbox);
    this.extensions = options.extensions(this);
  }

  /** Of the token in force now. */
  get grants(): Grants {
    return this.#grants;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Takes over the grants of a refreshed token. Subscriptions that are not granted any more end, with what waits for them.
   * Returns their patterns.
   */
  changeGrants(grants: Grants): string[] {
    this.#grants = grants;
    const ended = this.delivery.patterns.filter((pattern) => !maySubscribe(grants, pattern));
    for (const pattern of ended) this.delivery.unsubscribe(pattern);
    if (ended.length > 0) {
      this.outbox.retain(({ event }) => event === undefined || this.delivery.wants(event.topic));
    }
    return ended;
  }

  /** Idempotent. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.delivery.close();
    this.extensions.close(reason);
  }
}
