import type { Step } from '../../kernel/index.ts';
import { ConferenceDraft } from './conference-draft.ts';
import type { ConferenceEffect, ConferenceInput, ParticipantChange } from './conference-io.ts';
import type {
  ConferenceEndReason,
  ConferenceState,
  LeaveReason,
  Participant,
  ParticipantOptions,
} from './conference-state.ts';
import type { MixSettings, PartyAt } from './ports.ts';

/**
 * One step of a conference on its owner node. Pure. Until it starts everybody waits; from then on who joins is mixed at
 * once. It ends with its last participant, with one that ends it, or by REST; nothing comes of a step after that.
 */
export function stepConference(
  state: ConferenceState,
  input: ConferenceInput,
): Step<ConferenceState, ConferenceEffect> {
  const draft = new ConferenceDraft(state);
  if (state.status !== 'completed') apply(draft, input);
  else if (input.kind === 'join') {
    const message = 'the conference has ended';
    draft.push({ kind: 'tell', party: input.party, news: { kind: 'refused', reason: 'failed', message } });
  }
  return { state: draft.state, effects: draft.effects };
}

function apply(draft: ConferenceDraft, input: ConferenceInput): void {
  if (input.kind === 'join') {
    join(draft, input);
    return;
  }
  if (input.kind === 'end') {
    end(draft, 'conference-ended-via-api', undefined);
    return;
  }
  if (input.kind === 'announce') {
    draft.push({ kind: 'announce', announcement: input.announcement });
    return;
  }
  if (input.kind === 'announced') {
    const { url, problem } = input;
    if (problem === undefined) draft.emit('announcement-ended', { url });
    else draft.emit('announcement-failed', { url, message: problem });
    return;
  }
  if (input.kind === 'node-left') {
    for (const who of [...draft.state.participants.values()]) {
      if (who.node === input.node) leave(draft, who, { reason: 'participant-lost', callStatus: 'failed' });
    }
    return;
  }
  const who = draft.state.participants.get(input.callSid);
  if (who !== undefined) applyTo(draft, who, input);
}

type ToParticipant = Extract<ConferenceInput, { readonly callSid: string }>;

function applyTo(draft: ConferenceDraft, who: Participant, input: ToParticipant): void {
  switch (input.kind) {
    case 'leave':
      leave(draft, who, input);
      return;
    case 'kick':
      remove(draft, who, 'participant-kicked');
      leave(draft, who, { reason: 'participant-kicked', callStatus: 'in-progress' });
      return;
    case 'media-failed':
      remove(draft, who, 'participant-lost');
      leave(draft, who, { reason: 'participant-lost', callStatus: 'in-progress' });
      return;
    case 'talking':
      if (who.talking === input.talking) return;
      draft.put({ ...who, talking: input.talking });
      draft.emit(input.talking ? 'participant-speech-started' : 'participant-speech-stopped', {}, who.callSid);
      return;
    case 'update':
      update(draft, who, input.change);
  }
}

function join(draft: ConferenceDraft, input: Extract<ConferenceInput, { kind: 'join' }>): void {
  const { party, options, at } = input;
  const { participants } = draft.state;
  if (participants.has(party.callSid)) return;
  if (participants.size >= options.maxParticipants) {
    const message = `the conference has ${String(participants.size)} participants already`;
    draft.push({ kind: 'tell', party, news: { kind: 'refused', reason: 'full', message } });
    return;
  }
  const who = participantFrom(party, options, at);
  draft.put(who);
  if (draft.state.callback === undefined && options.callback !== undefined) draft.set({ callback: options.callback });
  const recorded = draft.state.record !== undefined;
  if (!recorded && options.record !== undefined) draft.set({ record: options.record });
  const mixed = draft.state.status === 'in-progress';
  const { sid: conferenceSid } = draft.state;
  const { muted, startConferenceOnEnter } = who;
  draft.push({
    kind: 'tell',
    party,
    news: { kind: 'joined', conferenceSid, mixed, muted, startConferenceOnEnter },
  });
  draft.emit('participant-joined', {}, who.callSid);
  if (mixed) {
    if (who.beep === 'true' || who.beep === 'onEnter') draft.push({ kind: 'beep', which: 'enter' });
    draft.push({ kind: 'mix-add', party, settings: settingsOf(who) });
    if (!recorded) record(draft);
  } else start(draft);
}

function participantFrom(party: PartyAt, options: ParticipantOptions, joinedAt: number): Participant {
  const { label, muted, beep, startConferenceOnEnter, endConferenceOnExit, coach } = options;
  const { callSid, node } = party;
  const wishes = { label, muted, beep, startConferenceOnEnter, endConferenceOnExit, coach };
  return { callSid, node, ...wishes, held: false, talking: false, joinedAt };
}

/** Two at least, and one of them who starts it. */
function start(draft: ConferenceDraft): void {
  const all = [...draft.state.participants.values()];
  if (all.length < 2 || !all.some(({ startConferenceOnEnter }) => startConferenceOnEnter)) return;
  draft.set({ status: 'in-progress' });
  for (const who of all) {
    draft.push({ kind: 'tell', party: partyOf(who), news: { kind: 'started' } });
    draft.push({ kind: 'mix-add', party: partyOf(who), settings: settingsOf(who) });
  }
  draft.emit('started', {});
  record(draft);
}

function record(draft: ConferenceDraft): void {
  const { record: wish, participants } = draft.state;
  const [first] = participants.keys();
  if (wish !== undefined && first !== undefined) draft.push({ kind: 'record', callSid: first, wish });
}

function update(draft: ConferenceDraft, before: Participant, change: ParticipantChange): void {
  const { muted = before.muted, hold = before.held, endConferenceOnExit = before.endConferenceOnExit } = change;
  const beep = change.beepOnExit === undefined ? before.beep : withExit(before.beep, change.beepOnExit);
  const coach = change.coaching === false ? undefined : (change.callSidToCoach ?? before.coach);
  const who: Participant = { ...before, muted, held: hold, endConferenceOnExit, beep, coach };
  draft.put(who);
  const party = partyOf(who);
  const settings = settingsOf(who);
  draft.push({ kind: 'mix-set', callSid: who.callSid, change: settings });
  if (muted !== before.muted) draft.emit(muted ? 'participant-muted' : 'participant-unmuted', {}, who.callSid);
  if (hold !== before.held || (hold && change.holdUrl !== undefined)) {
    const { holdUrl: url, holdMethod: method = 'GET' } = change;
    draft.push({ kind: 'tell', party, news: hold ? { kind: 'held', url, method } : { kind: 'unheld' } });
  }
  if (hold !== before.held) draft.emit(hold ? 'participant-held' : 'participant-unheld', {}, who.callSid);
  if (endConferenceOnExit !== before.endConferenceOnExit || beep !== before.beep || coach !== before.coach) {
    draft.emit('participant-modified', {}, who.callSid);
  }
  const { announceUrl, announceMethod = 'POST', waitUrl, waitMethod = 'POST' } = change;
  if (announceUrl !== undefined) {
    draft.push({ kind: 'tell', party, news: { kind: 'announce', url: announceUrl, method: announceMethod } });
  }
  if (waitUrl !== undefined && draft.state.status === 'init') {
    draft.push({ kind: 'tell', party, news: { kind: 'wait', url: waitUrl, method: waitMethod } });
  }
}

function withExit(beep: Participant['beep'], onExit: boolean): Participant['beep'] {
  const onEnter = beep === 'true' || beep === 'onEnter';
  if (onEnter) return onExit ? 'true' : 'onEnter';
  return onExit ? 'onExit' : 'false';
}

/** Tells a participant that it is none any more. */
function remove(draft: ConferenceDraft, who: Participant, reason: LeaveReason): void {
  draft.push({ kind: 'tell', party: partyOf(who), news: { kind: 'removed', reason } });
}

/** Takes a participant out; with it the conference may end. */
function leave(
  draft: ConferenceDraft,
  who: Participant,
  { reason, callStatus }: { reason: LeaveReason; callStatus: string },
): void {
  if (draft.state.status === 'completed') return;
  drop(draft, who, { reason, callStatus });
  const kicked = reason === 'participant-kicked';
  if (who.endConferenceOnExit) {
    const left = 'participant-with-end-conference-on-exit-left';
    end(draft, kicked ? 'participant-with-end-conference-on-exit-kicked' : left, who.callSid);
  } else if (draft.state.participants.size === 0) {
    end(draft, kicked ? 'last-participant-kicked' : 'last-participant-left', who.callSid);
  } else if (draft.state.status === 'in-progress' && (who.beep === 'true' || who.beep === 'onExit')) {
    draft.push({ kind: 'beep', which: 'exit' });
  }
}

function drop(draft: ConferenceDraft, who: Participant, facts: { reason: LeaveReason; callStatus: string }): void {
  const { reason, callStatus } = facts;
  draft.push({ kind: 'mix-remove', callSid: who.callSid });
  draft.emit('participant-left', { reason, callStatus }, who.callSid);
  draft.remove(who.callSid);
}

function end(draft: ConferenceDraft, reason: ConferenceEndReason, callSid: string | undefined): void {
  draft.set({ end: { reason, callSid } });
  for (const who of [...draft.state.participants.values()]) {
    remove(draft, who, 'conference-ended');
    drop(draft, who, { reason: 'conference-ended', callStatus: 'in-progress' });
  }
  draft.set({ status: 'completed' });
  draft.emit('ended', { reason, ...(callSid === undefined ? {} : { callSidEndingConference: callSid }) });
  draft.push({ kind: 'closed' });
}

function partyOf({ callSid, node }: Participant): PartyAt {
  return { callSid, node };
}

function settingsOf({ muted, held, coach }: Participant): MixSettings {
  return { muted, held, audience: coach };
}
