export { SessionError } from './session-error.ts';
export type { CookieRecord, SessionRecord, SessionScope, SessionStore, TrackingLinkStore } from './ports.ts';
export { scopeOfId, sessionId } from './scope.ts';
export { SESSION_LIMITS } from './session.ts';
export { SESSION_IDLE_MS, StoredSessionState } from './stored-session-state.ts';
export type { SessionStateOptions } from './stored-session-state.ts';
export { LINK_SECONDS, TrackingLinks } from './tracking-links.ts';
export type { NewTrackingLink, Visit } from './tracking-links.ts';
