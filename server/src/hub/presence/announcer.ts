import type { LeavingMember, PresenceEvents, PresenceRecord, StoredMember } from './ports.ts';
import { memberOf } from './view.ts';
import type { PresenceView } from './view.ts';

type Kind = 'joined' | 'left';
type Pending =
  | { readonly kind: 'joined'; readonly member: StoredMember }
  | { readonly kind: 'left'; readonly member: LeavingMember };
type Outcome = 'under-way' | 'stored' | 'refused';

export interface AnnouncerOptions {
  readonly view: PresenceView;
  readonly events: PresenceEvents;
  /** An event of this record is stored, or was refused and has to be announced again. */
  readonly onSettled: (key: string, kind: Kind, member: string, outcome: 'stored' | 'refused') => void;
}

/**
 * Tells of the changes in records that this node wrote, once each and only after they are in the view: the counts told
 * are those of the write itself, because all nodes see all writes in one order. The first join and the last leave of an
 * identity are therefore told by exactly one event, whatever nodes they happen on.
 */
export class Announcer {
  readonly #options: AnnouncerOptions;
  /** By record: what became of the events that it still lists. */
  readonly #outcomes = new Map<string, Map<string, Outcome>>();

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** The view shows `record` now. Events that it lists and that are not under way are emitted: joins first. */
  announce(key: string, record: PresenceRecord): void {
    const pending = pendingOf(record);
    const before = this.#outcomes.get(key);
    const outcomes = new Map<string, Outcome>();
    const news: Pending[] = [];
    for (const event of pending) {
      const id = eventId(event.kind, event.member.id);
      const outcome = before?.get(id);
      if (outcome === undefined || outcome === 'refused') news.push(event);
      outcomes.set(id, outcome === undefined || outcome === 'refused' ? 'under-way' : outcome);
    }
    if (outcomes.size === 0) this.#outcomes.delete(key);
    else this.#outcomes.set(key, outcomes);
    this.#emit(key, record, news);
  }

  forget(key: string): void {
    this.#outcomes.delete(key);
  }

  /** Whether every event of the record is stored. */
  isSettled(key: string): boolean {
    for (const outcome of this.#outcomes.get(key)?.values() ?? []) if (outcome !== 'stored') return false;
    return true;
  }

  #emit(key: string, record: PresenceRecord, news: readonly Pending[]): void {
    const { accountSid, topic, node } = record;
    const counts = new RunningCounts(this.#options.view, record, news);
    for (const event of news) {
      const { kind, member } = event;
      const facts = { topic, ...memberOf(member), node, ...counts.after(kind, member) };
      const id = eventId(kind, member.id);
      const common = {
        accountSid,
        subject: member.identity ?? member.connection,
        id,
        onSettled: (outcome: 'stored' | 'refused'): void => {
          this.#settled(key, event, outcome);
        },
      };
      if (event.kind === 'joined') this.#options.events.emit({ ...common, type: 'presence.joined', data: facts });
      else if (this.#outcomes.get(key)?.get(eventId('joined', member.id)) === 'refused') common.onSettled('refused');
      else {
        const data = { ...facts, reason: event.member.reason };
        this.#options.events.emit({ ...common, type: 'presence.left', data });
      }
    }
  }

  #settled(key: string, { kind, member }: Pending, outcome: 'stored' | 'refused'): void {
    const outcomes = this.#outcomes.get(key);
    const id = eventId(kind, member.id);
    if (outcomes?.get(id) !== 'under-way') return;
    outcomes.set(id, outcome);
    this.#options.onSettled(key, kind, member.id, outcome);
  }
}

const eventId = (kind: Kind, member: string): string => `presence-${member}-${kind}`;

/** Joins before leaves, so that a connection that replaces another one does not empty the topic in between. */
function pendingOf({ members, leaving }: PresenceRecord): Pending[] {
  const joined = [...members, ...leaving].filter(({ told }) => !told);
  return [
    ...joined.map((member): Pending => ({ kind: 'joined', member })),
    ...leaving.map((member): Pending => ({ kind: 'left', member })),
  ];
}

/** What the view counts is the state after all of `news`: this goes back to before, and through them one by one. */
class RunningCounts {
  #occupancy: number;
  readonly #identities = new Map<string, number>();

  constructor(view: PresenceView, { accountSid, topic }: PresenceRecord, news: readonly Pending[]) {
    this.#occupancy = view.count(accountSid, topic);
    for (const { kind, member } of news) {
      const undone = kind === 'joined' ? -1 : 1;
      this.#occupancy += undone;
      const { identity } = member;
      if (identity === undefined) continue;
      const now = this.#identities.get(identity) ?? view.identityCount(accountSid, topic, identity);
      this.#identities.set(identity, now + undone);
    }
  }

  after(kind: Kind, { identity }: StoredMember): { occupancy: number; identityCount?: number } {
    const change = kind === 'joined' ? 1 : -1;
    this.#occupancy += change;
    if (identity === undefined) return { occupancy: this.#occupancy };
    const identityCount = (this.#identities.get(identity) ?? 0) + change;
    this.#identities.set(identity, identityCount);
    return { occupancy: this.#occupancy, identityCount };
  }
}
