import { topicMatches } from '@hookswitch/shared';
import type { Grants } from '@hookswitch/shared';
import { allowSubscription } from '../hub/index.ts';
import type { Delivery, EventFilters, Hub, Presence } from '../hub/index.ts';
import { SessionPresence } from './commands/presence.ts';
import type { ExtensionSessions } from './extensions.ts';
import type { Outbox } from './outbox.ts';
import type { ConnectionUse } from './quotas.ts';

export interface SessionOptions {
  readonly id: string;
  readonly grants: Grants;
  readonly hub: Hub;
  readonly outbox: Outbox;
  readonly extensions: (session: Session) => ExtensionSessions;
  readonly presence?: Presence | undefined;
  /** Its share of what its account may use. Left out: unlimited. */
  readonly use?: ConnectionUse | undefined;
}

/** What an authenticated connection holds. Commands work on it; the connection closes it. */
export class Session {
  readonly id: string;
  readonly outbox: Outbox;
  readonly delivery: Delivery;
  readonly filters: EventFilters;
  readonly extensions: ExtensionSessions;
  readonly presence: SessionPresence;
  readonly use: ConnectionUse | undefined;
  #grants: Grants;
  #closed = false;
  #conflated: Set<string> | undefined;

  constructor(options: SessionOptions) {
    this.id = options.id;
    this.outbox = options.outbox;
    this.#grants = options.grants;
    this.filters = options.hub.filters;
    this.delivery = options.hub.openDelivery(options.grants.accountSid, options.outbox);
    this.use = options.use;
    this.presence = new SessionPresence(this, options.presence);
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
   * Takes over the grants of a refreshed token. Subscriptions that are not granted any more end, others are limited to
   * the filters granted now; what waits for them and is not granted any more is dropped. Returns the patterns that ended.
   */
  changeGrants(grants: Grants): string[] {
    this.#grants = grants;
    const ended: string[] = [];
    for (const pattern of this.delivery.patterns) {
      const asked = this.delivery.filterOf(pattern)?.restriction.asked;
      const allowance = allowSubscription(grants, pattern, asked);
      if (allowance.ok) this.delivery.changeFilter(pattern, this.filters.of(allowance.restriction));
      else {
        ended.push(pattern);
        this.delivery.unsubscribe(pattern);
      }
    }
    this.#dropUnwanted();
    this.presence.narrow();
    return ended;
  }

  /** Ends a subscription, and drops what waits for it alone. False when there is none. */
  unsubscribe(pattern: string): boolean {
    if (!this.delivery.unsubscribe(pattern)) return false;
    this.#dropUnwanted();
    this.presence.leave(pattern, 'unsubscribed');
    return true;
  }

  /**
   * Whether of this subscription's events only the newest of a topic is kept while the client reads slowly. What another
   * subscription without that could match too is kept whole.
   */
  conflate(pattern: string, wanted: boolean): void {
    if (!wanted && this.#conflated === undefined) return;
    this.#conflated ??= new Set();
    if (wanted) this.#conflated.add(pattern);
    else this.#conflated.delete(pattern);
    this.outbox.conflates = this.#conflated.size === 0 ? undefined : (topic) => this.#conflates(topic);
  }

  #dropUnwanted(): void {
    this.outbox.retain(({ event }) => event === undefined || this.delivery.keeps(event));
  }

  #conflates(topic: string): boolean {
    const { patterns } = this.delivery;
    const matching = patterns.filter((pattern) => topicMatches(pattern, topic));
    const whole = patterns.filter((pattern) => this.#conflated?.has(pattern) !== true);
    // An event of the others that is dropped and read again would bring back older ones of a pattern that overlaps.
    return matching.length > 0 && !matching.some((one) => whole.some((other) => patternsOverlap(one, other)));
  }

  /** Idempotent. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.presence.close();
    this.delivery.close();
    this.extensions.close(reason);
  }
}

/** Whether some topic could match both. Patterns are normalised. */
function patternsOverlap(one: string, other: string): boolean {
  const [a, b] = [one.split('.'), other.split('.')];
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [x, y] = [a[at], b[at]];
    if (x === undefined || y === undefined) return false;
    if (x === '>' || y === '>') return true;
    if (x !== y && x !== '*' && y !== '*') return false;
  }
  return true;
}
