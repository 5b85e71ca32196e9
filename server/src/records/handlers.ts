import { CALL_HANDLERS } from './project-calls.ts';
import { CONFERENCE_HANDLERS } from './project-conferences.ts';
import { RECORDING_HANDLERS } from './project-recordings.ts';
import type { Handlers } from './projection.ts';

/** Every type of event that changes the tables. */
export const HANDLERS: Handlers = { ...CALL_HANDLERS, ...CONFERENCE_HANDLERS, ...RECORDING_HANDLERS };

const TOPICS = [...new Set(Object.values(HANDLERS).map(({ topics }) => topics))];

/** Whether a topic may have anything for the tables: looked at before an event is read. */
export function wantsTopic(topic: string): boolean {
  return TOPICS.some((begin) => topic.startsWith(begin));
}
