export { createHub } from './hub.ts';
export type { Hub, HubOptions, HubSubscription } from './hub.ts';
export { Delivery } from './delivery.ts';
export type { Outlet, OutletItem, Subscribed } from './delivery.ts';
export { Fanout } from './fanout.ts';
export type { Flushable } from './fanout.ts';
export { OutboundFrame } from './outbound-frame.ts';
export type { FrameEncoder } from './outbound-frame.ts';
export { EventLogError, TokenError } from './errors.ts';
export { grantsFromClaims, mayPublish, maySubscribe } from './grants.ts';
export { TokenVerifier, issueToken } from './tokens.ts';
export type { IssueTokenRequest } from './tokens.ts';
export type {
  EventLog,
  EventLogEvents,
  HistoryRequest,
  KeySource,
  LogBounds,
  LogSubscription,
  LoggedEvent,
  SigningKey,
} from './ports.ts';
