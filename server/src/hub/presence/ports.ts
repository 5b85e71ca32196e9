/** Ports of presence: who is on a topic. docs/adr/0019-presence.md says why it is exact. */
import type { EventData } from '@hookswitch/shared';
import type { Unsubscribe } from '../../kernel/index.ts';

/** One connection on one topic, as everybody may see it. */
export interface PresenceMember {
  readonly connection: string;
  /** Of the token; undefined for tokens without one. */
  readonly identity?: string;
  /** What the client said of itself, what its token says over it. */
  readonly info?: Readonly<Record<string, unknown>>;
  /** Epoch milliseconds, by the clock of the member's node. */
  readonly since: number;
}

/** Why a membership ended. */
export type LeaveReason = EventData<'presence.left'>['reason'];

export interface StoredMember extends PresenceMember {
  /** Of this membership: never used again. */
  readonly id: string;
  /** Its `presence.joined` is stored. */
  readonly told: boolean;
}

export interface LeavingMember extends StoredMember {
  readonly reason: LeaveReason;
}

/** Some of the members that one node holds of one topic; a topic with many has several parts. */
export interface PresenceRecord {
  readonly accountSid: string;
  readonly topic: string;
  /** Whose connections these are. */
  readonly node: string;
  /** From 0. */
  readonly part: number;
  /** Who wrote this, and tells of it: the node itself, or the one that tidies up after its death. */
  readonly writer: string;
  readonly members: readonly StoredMember[];
  /** No members any more; stays until `presence.left` is stored, so that somebody else can tell it after a crash. */
  readonly leaving: readonly LeavingMember[];
}

export type PresenceChange =
  | { readonly kind: 'set'; readonly key: string; readonly record: PresenceRecord; readonly revision: number }
  /** `lost`: the store came back without it; nobody removed it. */
  | { readonly kind: 'removed'; readonly key: string; readonly why: 'deleted' | 'lost' };

/**
 * Where records are kept: compare-and-swap, and a view of all of them. Writes throw PresenceError `conflict` (the
 * revision was not the current one, nothing was written) or `unavailable` (it may or may not have been written).
 */
export interface PresenceStore {
  /** Resolves when `entries` is complete. */
  readonly ready: Promise<void>;
  /** @param revision the one that is replaced; 0: the key holds nothing. @returns the new one */
  write(key: string, record: PresenceRecord, revision: number): Promise<number>;
  remove(key: string, revision: number): Promise<void>;
  /** What the store holds now, past the view. */
  get(key: string): Promise<{ readonly record: PresenceRecord; readonly revision: number } | undefined>;
  entries(): Iterable<readonly [key: string, record: PresenceRecord, revision: number]>;
  /** Changes in the order of their revisions; after a reconnect those in between may be left out. */
  onChange(listener: (change: PresenceChange) => void): Unsubscribe;
  close(): void;
}

type PresenceEventType = 'presence.joined' | 'presence.left';
export type PresenceEvent = {
  [T in PresenceEventType]: {
    readonly accountSid: string;
    readonly type: T;
    readonly subject: string;
    readonly data: EventData<T>;
    /** The same for the same event, whoever publishes it: repeats are dropped by it. */
    readonly id: string;
    readonly onSettled: (outcome: 'stored' | 'refused') => void;
  };
}[PresenceEventType];

/** The process's outbox: keeps the order of an account's events, and says when one is stored. */
export interface PresenceEvents {
  emit(event: PresenceEvent): void;
}

export interface JoinRequest {
  readonly accountSid: string;
  /** Normalised, without wildcards. */
  readonly topic: string;
  readonly connection: string;
  readonly identity: string | undefined;
  readonly info: Readonly<Record<string, unknown>> | undefined;
}

/** One connection's membership in one topic. */
export interface PresenceMembership {
  /** Resolves when it is written, and seen by this process; or when it ended before. Never rejects. */
  readonly ready: Promise<void>;
  /** Idempotent. */
  leave(reason: LeaveReason): void;
}

export interface MembersPage {
  /** By connection. */
  readonly members: readonly PresenceMember[];
  /** Members of the topic, all pages together. */
  readonly occupancy: number;
  /** `after` of the next page; undefined: this is the last one. */
  readonly next: string | undefined;
}

export interface OccupancyPage {
  /** Topics that have members, by name. */
  readonly topics: readonly { readonly topic: string; readonly occupancy: number }[];
  readonly next: string | undefined;
}

export interface PageRequest {
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Who is on which topic, in the whole cluster. Reads come from memory. */
export interface Presence {
  /** @throws PresenceError `limit` */
  join(request: JoinRequest): PresenceMembership;
  members(accountSid: string, topic: string, page: PageRequest): MembersPage;
  /** Counts of all topics that `pattern` (normalised) matches. */
  occupancy(accountSid: string, pattern: string, page: PageRequest): OccupancyPage;
}
