export type { AccountHolding, AccountMetrics, EventTally } from './account-metrics.ts';
export { createHub } from './hub.ts';
export type { Hub, HubOptions, HubSubscription } from './hub.ts';
export { Delivery } from './delivery.ts';
export type { SubscribeOptions, Subscribed } from './subscription.ts';
export type { Outlet, OutletItem } from './outlet.ts';
export { Fanout } from './fanout.ts';
export type { Flushable, FlushTurn } from './fanout-lane.ts';
export { FrameChain } from './frame-chain.ts';
export type { HistoryPage, HistoryQuery } from './history.ts';
export { OutboundFrame } from './outbound-frame.ts';
export type { FrameEncoder } from './outbound-frame.ts';
export { EventLogError, RevocationError, TokenError } from './errors.ts';
export { EventFilters, allowSubscription } from './event-filter.ts';
export type { Allowance, EventFilter, Restriction } from './event-filter.ts';
export { grantsFromClaims, mayPublish } from './grants.ts';
export { PresenceError, mayBePresent } from './presence/index.ts';
export type { LeaveReason, Presence, PresenceMembership } from './presence/index.ts';
export { HubTenantRequests } from './tenant-requests.ts';
export { TokenVerifier } from './tokens.ts';
export { issueToken } from './issue-token.ts';
export type { IssueTokenRequest } from './issue-token.ts';
export { MAX_REVOCATIONS, newRevocation } from './revocations.ts';
export type { RevocationRequest } from './revocations.ts';
export type {
  EndedTokens,
  EventLog,
  EventLogEvents,
  HistoryRequest,
  KeySource,
  LogBounds,
  LogSubscription,
  LoggedEvent,
  PublicSigningKey,
  Revocation,
  RevocationKind,
  RevocationStore,
  SigningKey,
} from './ports.ts';
