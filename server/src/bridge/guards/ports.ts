import type { AllAccountGuards } from '../../tenants/ports.ts';
import type { Spend, SpendChange } from './spend.ts';

/** What accounts have spent, on all nodes. */
export interface SharedSpend {
  /** As far as it is known here: what this node added at once, what others added about a second later. */
  of(accountSid: string): Spend;
  /** Kept through restarts, a second later at the latest while NATS answers, and afterwards when it does again. */
  add(accountSid: string, change: SpendChange): void;
  /** Those of whom anything is known; of some it belongs to an hour or a day that is over. */
  accounts(): Iterable<string>;
}

export interface GuardDirectory {
  /** In force now. The same object as long as nothing changed is not promised. */
  guardsOf(accountSid: string): AllAccountGuards;
}
