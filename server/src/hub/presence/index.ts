export { NodePresence } from './node-presence.ts';
export type { NodePresenceOptions } from './node-presence.ts';
export { PRESENCE_LIMITS } from './limits.ts';
export type { PresenceLimits } from './limits.ts';
export { PresenceError } from './presence-error.ts';
export type {
  JoinRequest,
  LeaveReason,
  MembersPage,
  OccupancyPage,
  PageRequest,
  Presence,
  PresenceEvent,
  PresenceEvents,
  PresenceMember,
  PresenceMembership,
  PresenceStore,
} from './ports.ts';
export { mayBePresent } from './grants.ts';
