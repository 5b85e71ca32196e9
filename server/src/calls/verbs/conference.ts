import type { ConferenceNoun, ConferenceVerb } from '@hookswitch/shared';
import type { ConferenceNews } from '../conferences/conference-io.ts';
import type { LeaveReason, ParticipantOptions, RecordWish } from '../conferences/conference-state.ts';
import type { EndRequest } from '../ports.ts';
import type { SideOutcome, Verb, VerbContext, VerbEffect, VerbNext, VerbStep, VerbStop } from './verb.ts';
import { proceed, running, warning } from './verb.ts';
import { askAgain, startWaiting, stopWaiting, waitOn } from './waiting.ts';
import type { Waiting, WaitingStep } from './waiting.ts';

interface ConferenceMemory {
  readonly verb: ConferenceVerb;
  readonly conferenceSid: string | undefined;
  readonly joinedAt: number;
  /** Until the conference starts. */
  readonly waiting: Waiting | undefined;
  /** While somebody holds this participant. */
  readonly hold: Waiting | undefined;
}

const TIME_LIMIT = 'time-limit';
const WAIT = 'wait';
const HOLD = 'hold';
const ANNOUNCE = 'announce';
/** What an announcement to one participant may do. */
const ANNOUNCEMENT_VERBS = ['Play', 'Say', 'Pause', 'Redirect'];

/**
 * `<Dial><Conference>`.
 *
 *     joining --joined--> waiting --started--> mixed --removed, *, time limit--> done
 *        +--refused--> done
 *
 * What the conference does to this participant comes as news from its owner node.
 */
export const conference: Verb<ConferenceVerb, ConferenceMemory> = {
  needsAnswer: () => true,

  start(verb, context): VerbStep<ConferenceMemory> {
    const { conference: noun, dial } = verb;
    return running(
      { verb, conferenceSid: undefined, joinedAt: context.at, waiting: undefined, hold: undefined },
      { kind: 'conference', command: { do: 'join', name: noun.name, options: optionsOf(noun, context) } },
      { kind: 'start-timer', name: TIME_LIMIT, delayMs: dial.timeLimit * 1000 },
    );
  },

  step(memory, input, context): VerbStep<ConferenceMemory> {
    switch (input.kind) {
      case 'conference':
        return onNews(memory, input.news, context);
      case 'side-ended':
        return onSide(memory, input.name, input.outcome, context);
      case 'timer':
        return onTimer(memory, input.name, context);
      case 'leg': {
        const { event } = input;
        const star = event.kind === 'digit' && event.digit === '*' && event.callSid === context.callSid;
        return star && memory.verb.dial.hangupOnStar
          ? over(memory, context, [goAway('participant-hung-up')])
          : running(memory);
      }
      default:
        return running(memory);
    }
  },

  stop: (_memory, stop) => [goAway(reasonOf(stop))],

  sideParams: ({ verb, conferenceSid }): Record<string, string> => ({
    FriendlyName: verb.conference.name,
    ...(conferenceSid === undefined ? {} : { ConferenceSid: conferenceSid }),
  }),
};

function optionsOf(noun: ConferenceNoun, context: VerbContext): ParticipantOptions {
  const { muted, beep, startConferenceOnEnter, endConferenceOnExit, maxParticipants, coach, participantLabel } = noun;
  const url = noun.statusCallback === undefined ? undefined : context.resolve(noun.statusCallback);
  const { statusCallbackMethod: method, statusCallbackEvent: events } = noun;
  return {
    label: participantLabel,
    muted,
    beep,
    startConferenceOnEnter,
    endConferenceOnExit,
    maxParticipants,
    coach: coach === '' ? undefined : coach,
    callback: url === undefined ? undefined : { url, method, events },
    record: noun.record === 'record-from-start' ? recordWish(noun, context) : undefined,
  };
}

function recordWish(noun: ConferenceNoun, context: VerbContext): RecordWish {
  const { recordingStatusCallback: reference, recordingStatusCallbackMethod: method, trim } = noun;
  const url = reference === undefined ? undefined : context.resolve(reference);
  const events = noun.recordingStatusCallbackEvent;
  return {
    trim: trim === 'trim-silence',
    callback: url === undefined ? undefined : { url, method, events },
    eventUrl: noun.eventCallbackUrl === undefined ? undefined : context.resolve(noun.eventCallbackUrl),
  };
}

function reasonOf({ reason }: VerbStop): LeaveReason {
  return reason === 'updated' ? 'participant-updated-via-api' : 'participant-hung-up';
}

function goAway(reason: LeaveReason): VerbEffect {
  return { kind: 'conference', command: { do: 'leave', reason } };
}

function onNews(memory: ConferenceMemory, news: ConferenceNews, context: VerbContext): VerbStep<ConferenceMemory> {
  const { waitUrl, waitMethod } = memory.verb.conference;
  switch (news.kind) {
    case 'joined': {
      const joined = { ...memory, conferenceSid: news.conferenceSid, joinedAt: context.at };
      if (news.mixed) return running(joined);
      return wait(joined, { waiting: startWaiting(WAIT, { reference: waitUrl, method: waitMethod }, context) });
    }
    case 'started':
      return running({ ...memory, waiting: undefined }, ...stopWaiting(memory.waiting));
    case 'wait': {
      const step = startWaiting(WAIT, { reference: news.url, method: news.method }, context);
      return wait(memory, { waiting: { ...step, effects: [...stopWaiting(memory.waiting), ...step.effects] } });
    }
    case 'held': {
      const step = startWaiting(HOLD, { reference: news.url, method: news.method }, context);
      const before = [...stopWaiting(memory.hold), { kind: 'stop-side', name: ANNOUNCE } as const];
      return wait(memory, { hold: { ...step, effects: [...before, ...step.effects] } });
    }
    case 'unheld':
      return running({ ...memory, hold: undefined }, ...stopWaiting(memory.hold));
    case 'announce': {
      const url = context.resolve(news.url);
      if (url === undefined) return running(memory, warning(`"${news.url}" is not an HTTP address`, 11_100));
      const request = { url, method: news.method };
      const { callSid } = context;
      return running(memory, { kind: 'start-side', name: ANNOUNCE, callSid, request, verbs: ANNOUNCEMENT_VERBS });
    }
    case 'removed':
      return over(memory, context, []);
    case 'refused':
      return over(memory, context, [warning(`no conference "${memory.verb.conference.name}": ${news.message}`)]);
  }
}

function wait(
  memory: ConferenceMemory,
  { waiting, hold }: { readonly waiting?: WaitingStep; readonly hold?: WaitingStep },
): VerbStep<ConferenceMemory> {
  const next: ConferenceMemory = {
    ...memory,
    waiting: waiting === undefined ? memory.waiting : waiting.waiting,
    hold: hold === undefined ? memory.hold : hold.waiting,
  };
  return running(next, ...(waiting?.effects ?? []), ...(hold?.effects ?? []));
}

function onSide(
  memory: ConferenceMemory,
  name: string,
  outcome: SideOutcome,
  context: VerbContext,
): VerbStep<ConferenceMemory> {
  const leaves = outcome.kind === 'hang-up' || outcome.kind === 'leave';
  if (leaves && name !== ANNOUNCE) {
    const gone = over(memory, context, [goAway('participant-hung-up')]);
    if (outcome.kind === 'leave' || gone.kind !== 'done') return gone;
    return { ...gone, next: { kind: 'end', request: outcome.request } };
  }
  if (name === WAIT && memory.waiting !== undefined) {
    return wait(memory, { waiting: waitOn(memory.waiting, outcome, context) });
  }
  if (name === HOLD && memory.hold !== undefined) return wait(memory, { hold: waitOn(memory.hold, outcome, context) });
  return running(memory);
}

function onTimer(memory: ConferenceMemory, name: string, context: VerbContext): VerbStep<ConferenceMemory> {
  if (name === TIME_LIMIT) return over(memory, context, [goAway('participant-hung-up')]);
  if (name === WAIT && memory.waiting !== undefined)
    return wait(memory, { waiting: askAgain(memory.waiting, context) });
  if (name === HOLD && memory.hold !== undefined) return wait(memory, { hold: askAgain(memory.hold, context) });
  return running(memory);
}

/** The caller is in no conference any more: the action URL is asked, or the next verb runs. */
function over(
  memory: ConferenceMemory,
  context: VerbContext,
  effects: readonly VerbEffect[],
): VerbStep<ConferenceMemory> {
  const { dial } = memory.verb;
  const joined = memory.conferenceSid !== undefined;
  const url = dial.action === undefined ? undefined : context.resolve(dial.action);
  const status = joined ? 'answered' : 'failed';
  const params = {
    DialCallStatus: status,
    DialBridged: String(joined),
    DialCallDuration: String(joined ? Math.round((context.at - memory.joinedAt) / 1000) : 0),
  };
  const next: VerbNext = url === undefined ? proceed : { kind: 'fetch', url, method: dial.method, params };
  const refusal: EndRequest = { cause: 'unreachable', message: 'the conference could not be joined' };
  return { kind: 'done', outcome: status, effects, next, refusal };
}
