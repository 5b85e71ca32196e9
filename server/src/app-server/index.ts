export { CallbackSender } from './callback-sender.ts';
export type { CallbackSenderOptions } from './callback-sender.ts';
export { allTaps, exchangeEvents } from './exchange-events.ts';
export { noSessionState } from './no-session-state.ts';
export type {
  HttpExchange,
  HttpTap,
  SessionKey,
  SessionState,
  SessionTurn,
  SessionVisit,
  SigningKeys,
} from './ports.ts';
export { REQUEST_CODES } from './request-failure.ts';
export { requestOptions } from './request-options.ts';
export type { RequestOptions, RetryPolicy } from './request-options.ts';
export { requestSignature } from './signature.ts';
export type { SignedParams } from './signature.ts';
export { UpgradeRequests } from './upgrade-requests.ts';
export type { Upgrade, UpgradeRequest } from './upgrade-requests.ts';
export * from './control-channel/index.ts';
export * from './delegates/index.ts';
export * from './session-state/index.ts';
