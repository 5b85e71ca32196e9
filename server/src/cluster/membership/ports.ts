/**
 * Ports of cluster membership: which processes are alive, what happens to the property of the dead, and who does work
 * that must have one doer. docs/adr/0015-membership.md says why it works.
 */
import type { Unsubscribe } from '../../kernel/index.ts';

/** The lease of one process, as everybody sees it. */
export interface NodeLease {
  readonly kind: 'node';
  readonly node: string;
  /** Fencing number; 0 while the lease is being made: not a member yet. */
  readonly fence: number;
  readonly roles: readonly string[];
  /** Where the node is reached, by purpose: `sip`, `http`. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Epoch milliseconds, by the node's own clock: to show, not to compare. */
  readonly startedAt: number;
  /** How often it was renewed. */
  readonly renewals: number;
  /** Sharded work that this node offers to do. */
  readonly tasks: readonly string[];
  /** Set by compare-and-swap when the lease was taken: the node is dead for everybody, and for itself when it wakes up. */
  readonly dead?: {
    /** Node that sweeps. */
    readonly by: string;
    /** Epoch milliseconds, by that node's clock. */
    readonly at: number;
    /** Everything it owned was swept. */
    readonly done: boolean;
  };
}

/** Who does one shard of a task. Good for as long as the node's own lease is. */
export interface ShardLease {
  readonly kind: 'shard';
  readonly node: string;
  /** Fence of the node's lease at that time. */
  readonly nodeFence: number;
}

export type LeaseRecord = NodeLease | ShardLease;

export type LeaseChange =
  | { readonly kind: 'set'; readonly key: string; readonly record: LeaseRecord; readonly revision: number }
  /** `lost`: the store came back without it; nobody removed it. */
  | { readonly kind: 'removed'; readonly key: string; readonly why: 'deleted' | 'lost' };

/**
 * Where leases are kept: compare-and-swap, and a view of everything in memory. Revisions rise over all keys and are never
 * used twice within an epoch. Writes throw LeaseError: `conflict` (the revision was not the current one, nothing was
 * written) or `unavailable` (it may or may not have been written).
 */
export interface LeaseStore {
  /** Writes only when the key holds nothing. @returns the revision */
  create(key: string, record: LeaseRecord): Promise<number>;
  update(key: string, record: LeaseRecord, revision: number): Promise<number>;
  remove(key: string, revision: number): Promise<void>;
  /** What the store holds now, past the view. */
  get(key: string): Promise<{ readonly record: LeaseRecord; readonly revision: number } | undefined>;
  /**
   * When the store was made, milliseconds by its own clock: changes only when its content was lost. Added to a revision
   * it gives a number that rises over losses as well.
   */
  epoch(): Promise<number>;
  readonly connected: boolean;
  onConnection(listener: (connected: boolean) => void): Unsubscribe;
  /** Resolves when the view is complete. */
  readonly ready: Promise<void>;
  view(key: string): { readonly record: LeaseRecord; readonly revision: number } | undefined;
  entries(): Iterable<readonly [key: string, record: LeaseRecord]>;
  /** Changes of the view, in the order of their revisions. */
  onChange(listener: (change: LeaseChange) => void): Unsubscribe;
  close(): void;
}

/** A live node. */
export type Member = Omit<NodeLease, 'dead'>;

export interface MembershipEvents {
  joined: Member;
  /** `stopped`: said goodbye. `expired`: its lease ran out and was taken. `by` did that. */
  left: { readonly member: Member; readonly reason: 'stopped' | 'expired'; readonly by?: string };
  /**
   * This node's own standing changed. `doubtful`: it cannot know whether its lease was taken, and does nothing that must
   * have one doer. `lost`: it was; all it owned belongs to nobody: stop. Final.
   */
  standing: Standing;
}
export type Standing = 'acquiring' | 'held' | 'doubtful' | 'lost' | 'released';

/**
 * What a publisher asks before it publishes. `held` back: wait, the lease is in doubt. `shut`: never again, it was taken.
 */
export type PublishGate = 'open' | 'held' | 'shut';

/** Property of nodes that has to be tidied up after their death. */
export interface Sweepable {
  readonly name: string;
  /**
   * Ends what `node` owned. Done by one node of the cluster; again, by the same or another one, when it failed or the
   * sweeper died in between: what is gone already is no error.
   * @param fence the dead node's; 0 for a node that is known from `owners` only
   */
  sweep(node: string, fence: number): Promise<void>;
  /** Nodes that own something now. Those without a lease for a whole lease time are swept too. */
  owners?(): Iterable<string>;
}

/** One shard, while this node does it. */
export interface ShardDuty {
  readonly shard: number;
  /** Rises with every change of hands: write it with what you write, and refuse writes with an older one. */
  readonly fence: number;
  /** Aborts when the shard has to be given up: at once. */
  readonly signal: AbortSignal;
}

/** Work that must have one doer, cut into shards. */
export interface ShardedTask {
  /** Letters, digits and `-`. */
  readonly name: string;
  /** The same on every node. */
  readonly shards: number;
  /**
   * Does one shard until the signal aborts, and returns only when nothing of it is running any more: the shard is given
   * on then. Returning or throwing earlier has it called anew, a renewal time later.
   */
  run(duty: ShardDuty): Promise<void>;
}

export interface SingleDoer {
  /** Offers to do shards of the task. @returns stops offering; resolves when this node does none of them any more */
  offer(task: ShardedTask): () => Promise<void>;
}

/** The cluster as one node sees it. */
export interface Membership {
  readonly node: string;
  /** Fencing number of this node's lease; it keeps the number for life. */
  readonly fence: number;
  readonly standing: Standing;
  /** Live members, this one included, by the last that was heard. During an outage of the store nobody dies. */
  members(): readonly Member[];
  isAlive(node: string): boolean;
  /** Whether what `node` stamped with `fence` must be refused: its lease was taken. */
  isFenced(node: string, fence: number): boolean;
  on<K extends keyof MembershipEvents>(event: K, listener: (payload: MembershipEvents[K]) => void): Unsubscribe;
}
