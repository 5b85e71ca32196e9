import type { EventData, EventType, HookswitchEvent } from '@hookswitch/shared';
import { on } from './projection.ts';
import type { Handlers, Projection } from './projection.ts';

const CONFERENCES = 'conferences.';
type Participant = EventData<'conference.participant-joined'>;
type ParticipantEvent = Extract<EventType, `conference.participant-${string}`>;

/** Events of conferences. The first who joins makes one. */
export const CONFERENCE_HANDLERS: Handlers = {
  'conference.started': on('conference.started', CONFERENCES, (projection, data, event) => {
    conference(projection, event, { ...data, status: 'in-progress' });
  }),
  'conference.ended': on('conference.ended', CONFERENCES, (projection, data, event) => {
    const { reason, callSidEndingConference: endedBy } = data;
    const by = endedBy === undefined ? {} : { endedBy };
    conference(projection, event, { ...data, status: 'completed', endTime: event.time, reason, ...by });
  }),
  'conference.participant-joined': on('conference.participant-joined', CONFERENCES, (projection, data, event) => {
    conference(projection, event, data);
    participant(projection, event, { ...data, leftAt: null });
  }),
  'conference.participant-left': on('conference.participant-left', CONFERENCES, (projection, data, event) => {
    participant(projection, event, { ...data, leftAt: event.time });
  }),
  ...changed('conference.participant-muted'),
  ...changed('conference.participant-unmuted'),
  ...changed('conference.participant-held'),
  ...changed('conference.participant-unheld'),
  ...changed('conference.participant-modified'),
};

function changed(type: ParticipantEvent): Handlers {
  const handler = on(type, CONFERENCES, (projection, data, event) => {
    participant(projection, event, data);
  });
  return { [type]: handler };
}

function conference(
  projection: Projection,
  event: HookswitchEvent,
  {
    conferenceSid: sid,
    friendlyName: name,
    ...facts
  }: { conferenceSid: string; friendlyName: string } & Partial<
    Pick<Parameters<Projection['conference']>[0], 'status' | 'endTime' | 'reason' | 'endedBy'>
  >,
): void {
  const { status, endTime, reason, endedBy } = facts;
  projection.conference({
    sid,
    accountSid: event.accountsid,
    name,
    updatedAt: event.time,
    createdAt: event.time,
    node: event.source,
    ...(status === undefined ? {} : { status }),
    ...(endTime === undefined ? {} : { endTime }),
    ...(reason === undefined ? {} : { reason }),
    ...(endedBy === undefined ? {} : { endedBy }),
  });
}

function participant(
  projection: Projection,
  event: HookswitchEvent,
  data: Participant & { leftAt?: string | null },
): void {
  const { conferenceSid, callSid, label = null, callSidToCoach = null, muted, hold, coaching, leftAt } = data;
  const { startConferenceOnEnter, endConferenceOnExit } = data;
  projection.participant({
    conferenceSid,
    sid: callSid,
    accountSid: event.accountsid,
    label,
    muted,
    hold,
    coaching,
    callSidToCoach,
    startConferenceOnEnter,
    endConferenceOnExit,
    updatedAt: event.time,
    createdAt: event.time,
    ...(leftAt === undefined ? {} : { leftAt }),
  });
}
