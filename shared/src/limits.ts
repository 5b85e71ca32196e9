/** WebSocket subprotocol of the native endpoint. */
export const HUB_SUBPROTOCOL = 'hookswitch.v1';
/** Socket.IO event name that carries the same frames as objects, in both directions. */
export const SOCKETIO_EVENT = 'hs';

/** Limits a client can rely on (bytes are of the UTF-8 JSON text). */
export const HUB_LIMITS = {
  maxFrameBytes: 64 * 1024,
  maxPublishBytes: 32 * 1024,
  /** Deepest nesting of objects and arrays in a frame. */
  maxDepth: 64,
  maxSubscriptions: 1000,
  /** Topics that a connection is a member of. */
  maxMemberships: 100,
  /** Of a member, with what its token says. */
  maxPresenceInfoBytes: 1024,
  maxPresencePage: 1000,
  /** The server pings at this interval; a connection silent for twice as long is closed. */
  heartbeatMs: 15_000,
  /** Time from open to a valid connect frame. */
  handshakeMs: 10_000,
} as const;
