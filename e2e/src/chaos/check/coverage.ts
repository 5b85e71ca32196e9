import type { Entry, Position } from '../history.ts';
import type { Acks } from './acks.ts';
import { matches } from './violation.ts';
import type { Violation } from './violation.ts';

/**
 * Promise 1, no silent gap: for each session and pattern, every acknowledged event after its position comes before any
 * later one, or the session is told `recovered: false` first; over all its connections, and to the end. And that is not
 * said where nothing was taken away.
 *
 * An event comes once for all subscriptions of a session. It moves those that stand on the connection; one that is still
 * asked for, or was ended, stays where it is, and lacks nothing that another one brought.
 */
export function checkCoverage(entries: readonly Entry[], acks: Acks): Violation[] {
  const sessions = new Map<string, SessionCoverage>();
  const violations: Violation[] = [];
  let taken = false;
  for (const entry of entries) {
    if (entry.kind === 'fault') taken ||= entry.what === 'stream.recreated' || entry.what === 'stream.purged';
    if (!('session' in entry)) continue;
    let session = sessions.get(entry.session);
    if (session === undefined) {
      session = new SessionCoverage(entry.session, acks, violations);
      sessions.set(entry.session, session);
    }
    session.take(entry, taken);
  }
  return violations;
}

class SessionCoverage {
  readonly #session: string;
  readonly #acks: Acks;
  readonly #violations: Violation[];
  /** Up to where everything has come, by pattern. */
  readonly #positions = new Map<string, Position>();
  /** Patterns that are subscribed on the present connection. */
  readonly #standing = new Set<string>();
  /** What came, for whatever pattern. */
  readonly #given = new Set<string>();

  constructor(session: string, acks: Acks, violations: Violation[]) {
    this.#session = session;
    this.#acks = acks;
    this.#violations = violations;
  }

  take(entry: Entry, taken: boolean): void {
    switch (entry.kind) {
      case 'closed':
        this.#standing.clear();
        break;
      case 'unsubscribed':
        this.#standing.delete(entry.pattern);
        break;
      case 'subscribed':
        this.#standing.add(entry.pattern);
        if (!this.#positions.has(entry.pattern)) this.#positions.set(entry.pattern, entry.position);
        else if (!entry.recovered) this.#lost(entry, taken);
        break;
      case 'gap':
        if (!entry.recovered) this.#lost(entry, taken);
        else if (this.#standing.has(entry.pattern)) this.#reach(entry.pattern, entry.position, entry.at, true);
        break;
      case 'event':
        this.#given.add(keyOf(entry.position));
        for (const pattern of this.#standing) {
          if (matches(pattern, entry.topic)) this.#reach(pattern, entry.position, entry.at, false);
        }
        break;
      case 'ended-rights':
        // What it may not see any more it is not owed; with new rights it begins anew.
        for (const pattern of entry.patterns) {
          this.#positions.delete(pattern);
          this.#standing.delete(pattern);
        }
        break;
      case 'end':
        for (const pattern of entry.patterns) {
          const position = this.#positions.get(pattern);
          if (position !== undefined) this.#missing(pattern, position, { before: Infinity, at: entry.at });
        }
        break;
      default:
        break;
    }
  }

  #lost(entry: Extract<Entry, { kind: 'subscribed' | 'gap' }>, taken: boolean): void {
    this.#positions.set(entry.pattern, entry.position);
    if (taken) return;
    const message = `${entry.pattern}: told that events are lost at ${entry.position.seq}, though nothing was taken away`;
    this.#violations.push({ promise: 1, rule: 'needless-loss', session: this.#session, at: entry.at, message });
  }

  /** @param inclusive whether an event at the position itself is claimed to have come */
  #reach(pattern: string, to: Position, at: number, inclusive: boolean): void {
    const from = this.#positions.get(pattern);
    if (from === undefined) return;
    if (from.epoch !== to.epoch) {
      const message = `${pattern}: from epoch ${from.epoch} to ${to.epoch} without a word`;
      this.#violations.push({ promise: 1, rule: 'unknown-epoch', session: this.#session, at, message });
    } else {
      if (to.seq <= from.seq) return;
      this.#missing(pattern, from, { before: to.seq + (inclusive ? 1 : 0), at });
    }
    this.#positions.set(pattern, to);
  }

  #missing(pattern: string, { epoch, seq }: Position, { before, at }: { before: number; at: number }): void {
    const owed = this.#acks.between(epoch, pattern, { after: seq, before });
    const missing = owed.filter((ack) => !this.#given.has(keyOf({ epoch, seq: ack.seq })));
    if (missing.length === 0) return;
    const ids = missing.slice(0, 3).map((ack) => `${ack.id}@${ack.seq}`);
    const where = before === Infinity ? 'at the end' : `before ${before}`;
    const message = `${pattern}: ${missing.length} acknowledged events after ${seq} are missing ${where}: ${ids.join(' ')}`;
    this.#violations.push({ promise: 1, rule: 'silent-gap', session: this.#session, at, message });
  }
}

const keyOf = ({ epoch, seq }: Position): string => `${epoch} ${seq}`;
