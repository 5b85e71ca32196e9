export { CallbackSender } from './callback-sender.ts';
export type { CallbackSenderOptions } from './callback-sender.ts';
export { noSessionState } from './no-session-state.ts';
export type { SessionKey, SessionState, SigningKeys } from './ports.ts';
export { REQUEST_CODES } from './request-failure.ts';
export { requestOptions } from './request-options.ts';
export type { RequestOptions, RetryPolicy } from './request-options.ts';
export { requestSignature } from './signature.ts';
export type { SignedParams } from './signature.ts';
