/**
 * Error codes of hub frames (docs/errors.md is generated from this table). `temporary` tells a client that the same
 * command may succeed later without a change of its own.
 */
export const HUB_ERRORS = {
  badFrame: { code: 100, temporary: false, message: 'the frame is not valid' },
  unknownCommand: { code: 101, temporary: false, message: 'this server does not know that command' },
  notConnected: { code: 102, temporary: false, message: 'send connect with a token first' },
  alreadyConnected: {
    code: 103,
    temporary: false,
    message: 'this connection is already authenticated; use refresh to change its token',
  },
  tokenInvalid: { code: 110, temporary: false, message: 'the token is not valid' },
  tokenExpired: { code: 111, temporary: false, message: 'the token has expired; connect with a new one' },
  tokenForeign: {
    code: 112,
    temporary: false,
    message: 'the token belongs to another account or identity than this connection',
  },
  accountInactive: { code: 113, temporary: false, message: 'the account is suspended or closed' },
  tokenRevoked: { code: 114, temporary: false, message: 'the token was revoked; connect with a new one' },
  notPermitted: { code: 120, temporary: false, message: 'the token does not grant this' },
  badTopic: { code: 130, temporary: false, message: 'the topic is not valid' },
  notSubscribed: { code: 131, temporary: false, message: 'there is no such subscription on this connection' },
  alreadySubscribed: { code: 132, temporary: false, message: 'this connection already has that subscription' },
  limitExceeded: { code: 140, temporary: true, message: 'a limit of the account or connection is reached' },
  payloadTooLarge: { code: 141, temporary: false, message: 'the payload is larger than allowed' },
  unavailable: { code: 150, temporary: true, message: 'the service is temporarily unavailable; try again' },
  internal: { code: 151, temporary: true, message: 'internal error' },
  // 200-299: the softphone extension
  notRegistered: { code: 200, temporary: false, message: 'register this device first' },
  bridgeTokenInvalid: { code: 201, temporary: false, message: 'the call token is not valid for this device' },
  bridgeTokenExpired: { code: 202, temporary: false, message: 'the call is no longer offered' },
  answeredElsewhere: { code: 203, temporary: false, message: 'another device answered first' },
  callGone: { code: 204, temporary: false, message: 'the call has ended' },
  noSuchCall: { code: 205, temporary: false, message: 'this connection has no such call' },
  mediaFailed: { code: 206, temporary: true, message: 'the media leg could not be set up' },
  messageNotAnswered: { code: 208, temporary: true, message: 'the application did not answer the message properly' },
  alreadyAnswered: { code: 209, temporary: false, message: 'the bridge request was already answered' },
  nodeUnreachable: { code: 207, temporary: true, message: 'the node that holds the call does not answer' },
} as const;

export type HubErrorName = keyof typeof HUB_ERRORS;

/**
 * Disconnect codes, used as WebSocket close codes and in the `disconnect` frame. The range tells the client what to do:
 * 4000-4099 reconnect (with jittered back-off, at least `retryAfterMs` if given), 4100-4199 reconnect with a new token,
 * 4200-4299 stop: the same would happen again.
 */
export const DISCONNECTS = {
  shutdown: { code: 4000, reason: 'the server is shutting down' },
  slow: { code: 4001, reason: 'the client reads too slowly' },
  heartbeat: { code: 4002, reason: 'no heartbeat from the client' },
  handshakeTimeout: { code: 4003, reason: 'no connect frame in time' },
  serverError: { code: 4004, reason: 'internal error' },
  overloaded: { code: 4005, reason: 'too many connections at once' },
  tokenExpired: { code: 4100, reason: 'the token has expired' },
  tokenRevoked: { code: 4101, reason: 'the token was revoked' },
  tokenInvalid: { code: 4102, reason: 'the token is not valid' },
  badProtocol: { code: 4200, reason: 'the client broke the protocol' },
  accountInactive: { code: 4201, reason: 'the account is suspended or closed' },
  closedByOperator: { code: 4202, reason: 'closed by an operator' },
  limitExceeded: { code: 4203, reason: 'a limit was exceeded' },
} as const;

export type DisconnectName = keyof typeof DISCONNECTS;

/** What a client does after its connection closed. */
export type AfterDisconnect = 'reconnect' | 'reconnect-with-new-token' | 'stop';

/** Behaviour by range; anything outside our ranges (1006, a proxy's code) means reconnect. */
export function afterDisconnect(code: number): AfterDisconnect {
  if (code >= 4100 && code <= 4199) return 'reconnect-with-new-token';
  if (code >= 4200 && code <= 4299) return 'stop';
  return 'reconnect';
}
