/** Ports of the operator's view of the cluster: what every process says of itself, and what is made of it. */
import type {
  DecisionList,
  DrainedNode,
  ForecastView,
  NodeList,
  QueueView,
  TenantList,
  TrunkList,
} from '@hookswitch/shared';

/** What a process has just now, for people to look at. */
export interface NodeFacts {
  /** Accounts that have calls or clients here; the busiest 2,000. */
  readonly accounts: readonly AccountFacts[];
  readonly trunks: readonly TrunkFacts[];
  /** Where calls are scheduled; null: elsewhere. */
  readonly queue: QueueFacts | null;
}

export interface AccountFacts {
  readonly accountSid: string;
  readonly calls: number;
  readonly connections: number;
  readonly subscriptions: number;
}

export interface TrunkFacts {
  readonly trunkSid: string;
  /** Calls from the carrier and to it. */
  readonly in: number;
  readonly out: number;
  /** Names of gateways that are not reached from here. */
  readonly down: readonly string[];
}

/** Calls that were asked for, as the one who schedules them knows them. Times are epoch milliseconds. */
export interface QueueFacts {
  readonly waiting: number;
  readonly scheduled: number;
  readonly running: number;
  readonly startedLastMinute: number;
  readonly oldestQueuedAt: number | null;
  readonly nextStartAt: number | null;
  /** Those with most that waits; at most 2,000. */
  readonly accounts: readonly QueuedAccount[];
  /** Accounts that are left out. */
  readonly moreAccounts: number;
}

export interface QueuedAccount {
  readonly accountSid: string;
  readonly waiting: number;
  readonly scheduled: number;
  readonly running: number;
  readonly oldestQueuedAt: number | null;
}

/** The way to what the processes say. Rejects when one does not answer. */
export type AskNode = (node: string) => Promise<NodeFacts>;

/** What guards against toll fraud count: caps of an account, and who is near one, on all nodes. */
export interface TenantCaps {
  caps(accountSid: string): readonly { readonly limit: string; readonly used: number; readonly of: number }[];
  /** Accounts that have used most of a cap; at most so many. */
  nearCap(most: number): readonly string[];
}

/** A node that was not drained. */
export interface DrainRefusal {
  readonly refused: 'no-such-node' | 'not-reached';
  /** For people. */
  readonly message: string;
}

/** What REST shows the operator. */
export interface ClusterConsole {
  nodes(): NodeList;
  /** Has a node take no more calls. Never rejects. */
  drain(node: string, deadlineSeconds: number): Promise<DrainedNode | DrainRefusal>;
  /** The newest last. */
  decisions(limit: number): Promise<DecisionList>;
  queue(limit: number): Promise<QueueView>;
  /** @param accounts shown beside those that have something now, in this order */
  tenants(accounts: readonly string[], limit: number): Promise<TenantList>;
  trunks(limit: number): Promise<TrunkList>;
  /** @param hours of the past @param ahead of the future */
  forecast(hours: number, ahead: number): Promise<ForecastView>;
}
