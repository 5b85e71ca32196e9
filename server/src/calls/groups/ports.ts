/**
 * Ports of what several calls share: conferences and queues. Each has one owner node, found and claimed through a store
 * with compare-and-swap; the calls in it may be on any node.
 */

/** Requests between nodes, answered by one handler of the node named. Payloads are JSON values. */
export interface NodeRequests {
  /** Name of this node. */
  readonly node: string;
  serve(method: string, handler: (payload: unknown) => Promise<unknown>): () => void;
  /** Bounded in time. Rejects when the node is away or its handler failed. */
  request(node: string, method: string, payload: unknown): Promise<unknown>;
}

export type GroupKind = 'conference' | 'queue';

/** Who owns a group now. */
export interface GroupRecord {
  readonly kind: GroupKind;
  readonly accountSid: string;
  readonly sid: string;
  /** Unique among the account's groups of this kind that exist. */
  readonly name: string;
  /** Owner; undefined: nobody has it in memory (a queue in which nobody waits). */
  readonly node: string | undefined;
  /** Fence of the owner's lease when it claimed the group. */
  readonly fence: number;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Queues: most calls that may wait. */
  readonly maxSize?: number | undefined;
}

export interface StoredGroup {
  readonly record: GroupRecord;
  readonly revision: number;
}

export interface GroupKey {
  readonly kind: GroupKind;
  readonly accountSid: string;
  readonly name: string;
}

/**
 * Where owners are written down. Reads see earlier writes of every node.
 * Methods throw GroupError: `conflict` (the revision was not the current one: nothing was written) or `unavailable`.
 */
export interface GroupStore {
  get(key: GroupKey): Promise<StoredGroup | undefined>;
  /** By sid, among the account's groups that exist. */
  find(kind: GroupKind, accountSid: string, sid: string): Promise<StoredGroup | undefined>;
  /** Writes only when there is no group of this name. */
  create(record: GroupRecord): Promise<StoredGroup>;
  update(record: GroupRecord, revision: number): Promise<StoredGroup>;
  /** Writes it under another name, with its sid. `taken`: there is a group of that name. */
  rename(record: GroupRecord, revision: number, name: string): Promise<StoredGroup>;
  remove(record: GroupRecord, revision: number): Promise<void>;
  /** The account's groups of this kind, in no order. */
  list(kind: GroupKind, accountSid: string): Promise<readonly GroupRecord[]>;
  /** Those of all accounts that this node owns. */
  ownedBy(node: string): Promise<readonly StoredGroup[]>;
}

/** What the cluster says about nodes. */
export interface NodeStanding {
  /** Fence of this node's own lease. */
  readonly fence: number;
  isAlive(node: string): boolean;
  isFenced(node: string, fence: number): boolean;
  /** A node is gone: what it owned belongs to nobody. */
  onLeft(listener: (node: string) => void): () => void;
}
