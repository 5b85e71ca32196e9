import type { Entry, Position } from '../history.ts';
import type { Acks } from './acks.ts';
import { matches } from './violation.ts';
import type { Violation } from './violation.ts';

type EventEntry = Extract<Entry, { kind: 'event' }>;

/**
 * Promise 2: per session and topic, rising positions and each event once, whatever happened to its connections; but for the one
 * exception of the protocol (docs/spec/hub-protocol.md 5.2, rule 4).
 */
export function checkOrder(entries: readonly Entry[], acks: Acks): Violation[] {
  const violations: Violation[] = [...acks.problems];
  const topics = new Map<string, TopicOrder>();
  const ids = new Map<string, Position>();
  const pasts = new LatePasts();
  for (const entry of entries) {
    pasts.take(entry);
    if (entry.kind !== 'event') continue;
    const key = `${entry.session} ${entry.topic}`;
    let topic = topics.get(key);
    if (topic === undefined) topics.set(key, (topic = new TopicOrder()));
    for (const problem of [topic.take(entry, pasts.allow(entry)), wrongEvent(entry, acks), storedTwice(entry, ids)]) {
      if (problem === undefined) continue;
      violations.push({ promise: 2, session: entry.session, at: entry.at, ...problem });
    }
  }
  return violations;
}

type Problem = Pick<Violation, 'rule' | 'message'>;

/** A past that a subscription brings of topics where another one has begun anew, further ahead. */
interface LatePast {
  readonly pattern: string;
  readonly other: string;
  readonly epoch: string;
  /** The events of the past: after the one, up to the other. */
  readonly after: number;
  readonly upTo: number;
}

/** What may come late on the present connection of each session. */
class LatePasts {
  /** Subscriptions that lost their place on this connection, and where they went on. */
  readonly #anew = new Map<string, Map<string, Position>>();
  readonly #late = new Map<string, LatePast[]>();

  take(entry: Entry): void {
    if (entry.kind === 'connected') {
      this.#anew.set(entry.session, new Map());
      this.#late.set(entry.session, []);
    } else if (entry.kind === 'subscribed') this.#subscribed(entry);
  }

  allow({ session, topic, position: { epoch, seq } }: EventEntry): boolean {
    return (this.#late.get(session) ?? []).some(
      (past) =>
        past.epoch === epoch &&
        seq > past.after &&
        seq <= past.upTo &&
        matches(past.pattern, topic) &&
        matches(past.other, topic),
    );
  }

  #subscribed({ session, pattern, position, head, recovered }: Extract<Entry, { kind: 'subscribed' }>): void {
    const anew = this.#anew.get(session);
    if (!recovered) {
      anew?.set(pattern, head ?? position);
      return;
    }
    anew?.delete(pattern);
    for (const [other, { epoch, seq }] of anew ?? []) {
      if (epoch !== position.epoch || seq <= position.seq) continue;
      this.#late.get(session)?.push({ pattern, other, epoch, after: position.seq, upTo: seq });
    }
  }
}

class TopicOrder {
  #last: Position | undefined;
  /** Of what came late. */
  #late: Position | undefined;
  readonly #past = new Set<string>();
  readonly #seen = new Set<string>();

  take({ topic, position, id }: EventEntry, mayBeLate: boolean): Problem | undefined {
    const isLate = mayBeLate && position.epoch === this.#last?.epoch && position.seq < this.#last.seq;
    const last = isLate && this.#late?.epoch === position.epoch ? this.#late : isLate ? undefined : this.#last;
    const key = `${position.epoch} ${position.seq}`;
    const what = `${topic}: ${id}@${position.seq}`;
    if (this.#seen.has(key)) return { rule: 'delivered-twice', message: `${what} came a second time` };
    this.#seen.add(key);
    if (isLate) {
      this.#late = position;
      if (last === undefined || position.seq > last.seq) return undefined;
      return { rule: 'order', message: `${what} came late, and after ${last.seq}` };
    }
    if (last === undefined || last.epoch !== position.epoch) {
      if (this.#past.has(position.epoch)) return { rule: 'order', message: `${what} is of an epoch that was over` };
      if (last !== undefined) this.#past.add(last.epoch);
    } else if (position.seq < last.seq) {
      return { rule: 'order', message: `${what} came after ${last.seq}` };
    }
    this.#last = position;
    return undefined;
  }
}

/** What is delivered at a position is what was acknowledged there. */
function wrongEvent({ topic, position, id }: EventEntry, acks: Acks): Problem | undefined {
  const ack = acks.at(position);
  if (ack === undefined || (ack.id === id && ack.topic === topic)) return undefined;
  return { rule: 'wrong-event', message: `${topic}: ${id}@${position.seq}, where ${ack.id} was acknowledged` };
}

/** A publisher that repeats itself stores nothing new. */
function storedTwice({ session, position, id, topic }: EventEntry, ids: Map<string, Position>): Problem | undefined {
  const key = `${session} ${position.epoch} ${id}`;
  const other = ids.get(key);
  ids.set(key, position);
  if (other === undefined || other.seq === position.seq) return undefined;
  return { rule: 'stored-twice', message: `${topic}: ${id} is stored at ${other.seq} and at ${position.seq}` };
}
