/** The hub part alone: no media, works in browsers and Node. */
export * from './hub/index.ts';
export { CLIENT_ERRORS, Emitter, HookswitchError, systemClock } from './kit/index.ts';
export type { ClientErrorName, Clock, ErrorName, RandomFraction, Timer, Unsubscribe } from './kit/index.ts';
export type { EventData, EventType, Filter, HookswitchEvent, Position, Rewind } from '@hookswitch/shared';
