export { ClusterMembership } from './membership.ts';
export type { JoinOptions } from './membership.ts';
export { LeaseError } from './lease-error.ts';
export { LEASE_TIMING } from './timing.ts';
export type { LeaseTiming } from './timing.ts';
export type {
  LeaseStore,
  Member,
  Membership,
  MembershipEvents,
  PublishGate,
  ShardDuty,
  ShardedTask,
  SingleDoer,
  Standing,
  Sweepable,
} from './ports.ts';
