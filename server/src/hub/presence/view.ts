import { topicMatches } from '@hookswitch/shared';
import type { MembersPage, OccupancyPage, PageRequest, PresenceMember, PresenceRecord, StoredMember } from './ports.ts';

interface TopicView {
  count: number;
  /** Members by identity. */
  readonly identities: Map<string, number>;
  readonly parts: Map<string, PresenceRecord>;
}

interface AccountView {
  count: number;
  readonly topics: Map<string, TopicView>;
}

/** All records of the cluster by account and topic. What is counted here is at the state of the last change applied. */
export class PresenceView {
  readonly #accounts = new Map<string, AccountView>();
  readonly #records = new Map<string, { readonly record: PresenceRecord; readonly revision: number }>();

  record(key: string): { readonly record: PresenceRecord; readonly revision: number } | undefined {
    return this.#records.get(key);
  }

  entries(): Iterable<readonly [key: string, held: { readonly record: PresenceRecord; readonly revision: number }]> {
    return this.#records;
  }

  set(key: string, record: PresenceRecord, revision: number): void {
    this.remove(key);
    this.#records.set(key, { record, revision });
    let account = this.#accounts.get(record.accountSid);
    if (account === undefined) this.#accounts.set(record.accountSid, (account = { count: 0, topics: new Map() }));
    let topic = account.topics.get(record.topic);
    if (topic === undefined) {
      account.topics.set(record.topic, (topic = { count: 0, identities: new Map(), parts: new Map() }));
    }
    topic.parts.set(key, record);
    count(account, topic, record, 1);
  }

  remove(key: string): void {
    const held = this.#records.get(key);
    if (held === undefined) return;
    this.#records.delete(key);
    const { record } = held;
    const account = this.#accounts.get(record.accountSid);
    const topic = account?.topics.get(record.topic);
    if (account === undefined || topic === undefined) return;
    topic.parts.delete(key);
    count(account, topic, record, -1);
    if (topic.parts.size === 0) account.topics.delete(record.topic);
    if (account.topics.size === 0) this.#accounts.delete(record.accountSid);
  }

  /** Members of an account, or of one of its topics. */
  count(accountSid: string, topic?: string): number {
    const account = this.#accounts.get(accountSid);
    return (topic === undefined ? account?.count : account?.topics.get(topic)?.count) ?? 0;
  }

  identityCount(accountSid: string, topic: string, identity: string): number {
    return this.#accounts.get(accountSid)?.topics.get(topic)?.identities.get(identity) ?? 0;
  }

  members(accountSid: string, topic: string, { after = '', limit }: PageRequest): MembersPage {
    const view = this.#accounts.get(accountSid)?.topics.get(topic);
    const found: StoredMember[] = [];
    for (const { members } of view?.parts.values() ?? []) {
      for (const member of members) if (member.connection > after) found.push(member);
    }
    found.sort((a, b) => (a.connection < b.connection ? -1 : 1));
    const page = found.slice(0, limit);
    const next = found.length > limit ? page.at(-1)?.connection : undefined;
    return { members: page.map(memberOf), occupancy: view?.count ?? 0, next };
  }

  occupancy(accountSid: string, pattern: string, { after = '', limit }: PageRequest): OccupancyPage {
    const found: { topic: string; occupancy: number }[] = [];
    for (const [topic, { count: occupancy }] of this.#accounts.get(accountSid)?.topics ?? []) {
      if (occupancy > 0 && topic > after && topicMatches(pattern, topic)) found.push({ topic, occupancy });
    }
    found.sort((a, b) => (a.topic < b.topic ? -1 : 1));
    const topics = found.slice(0, limit);
    return { topics, next: found.length > limit ? topics.at(-1)?.topic : undefined };
  }
}

function count(account: AccountView, topic: TopicView, { members }: PresenceRecord, sign: 1 | -1): void {
  account.count += sign * members.length;
  topic.count += sign * members.length;
  for (const { identity } of members) {
    if (identity === undefined) continue;
    const now = (topic.identities.get(identity) ?? 0) + sign;
    if (now === 0) topic.identities.delete(identity);
    else topic.identities.set(identity, now);
  }
}

/** Without what is the store's own business. */
export function memberOf({ connection, identity, info, since }: PresenceMember): PresenceMember {
  return {
    connection,
    ...(identity === undefined ? {} : { identity }),
    ...(info === undefined ? {} : { info }),
    since,
  };
}
