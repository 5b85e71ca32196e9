import type { ConferenceEventName, EventData } from '@hookswitch/shared';
import type { ConferenceEffect } from './conference-io.ts';
import { CALLBACK_EVENTS } from './conference-state.ts';
import type { ConferenceEndReason, ConferenceState, Participant } from './conference-state.ts';

type Common = 'conferenceSid' | 'friendlyName' | 'sequence' | 'node' | keyof ReturnType<typeof factsOf>;
type Own<N extends ConferenceEventName> = Omit<EventData<`conference.${N}`>, Common>;

/** One step of a conference in the making. */
export class ConferenceDraft {
  state: ConferenceState;
  readonly effects: ConferenceEffect[] = [];

  constructor(state: ConferenceState) {
    this.state = state;
  }

  set(change: Partial<ConferenceState>): void {
    this.state = { ...this.state, ...change };
  }

  put(who: Participant): void {
    this.set({ participants: new Map(this.state.participants).set(who.callSid, who) });
  }

  remove(callSid: string): void {
    const participants = new Map(this.state.participants);
    participants.delete(callSid);
    this.set({ participants });
  }

  push(...effects: readonly ConferenceEffect[]): void {
    this.effects.push(...effects);
  }

  /** Publishes an event, and tells it to the status callback if that has asked for it. */
  emit<N extends ConferenceEventName>(name: N, own: Own<N>, callSid?: string): void {
    const { sid: conferenceSid, name: friendlyName, sequence, callback, participants } = this.state;
    const who = callSid === undefined ? undefined : participants.get(callSid);
    const about = who === undefined ? {} : factsOf(who);
    const data = { conferenceSid, friendlyName, sequence, ...about, ...own };
    this.push({ kind: 'emit', type: `conference.${name}`, data } as unknown as ConferenceEffect);
    const [wish, word] = CALLBACK_EVENTS[name];
    if (callback?.events.includes(wish) === true) {
      const params = { StatusCallbackEvent: word, ...this.#params(who), ...ownParams(own, this.state) };
      this.push({ kind: 'callback', url: callback.url, method: callback.method, params });
      this.set({ callbackSequence: this.state.callbackSequence + 1 });
    }
    this.set({ sequence: sequence + 1 });
  }

  #params(who: Participant | undefined): Record<string, string> {
    const { sid, name, accountSid, callbackSequence } = this.state;
    const params = {
      ConferenceSid: sid,
      FriendlyName: name,
      AccountSid: accountSid,
      SequenceNumber: String(callbackSequence),
    };
    if (who === undefined) return params;
    return {
      ...params,
      CallSid: who.callSid,
      Muted: String(who.muted),
      Hold: String(who.held),
      Coaching: String(who.coach !== undefined),
      ...(who.coach === undefined ? {} : { CallSidToCoach: who.coach }),
      StartConferenceOnEnter: String(who.startConferenceOnEnter),
      EndConferenceOnExit: String(who.endConferenceOnExit),
      ...(who.label === undefined ? {} : { ParticipantLabel: who.label }),
    };
  }
}

function factsOf(who: Participant) {
  const { callSid, label, muted, held, coach, startConferenceOnEnter, endConferenceOnExit } = who;
  return {
    callSid,
    muted,
    hold: held,
    coaching: coach !== undefined,
    startConferenceOnEnter,
    endConferenceOnExit,
    ...(coach === undefined ? {} : { callSidToCoach: coach }),
    ...(label === undefined ? {} : { label }),
  };
}

/** Why a participant left, in the words of the 2010 API; events tell it more exactly. */
function wordOf(reason: string, ended: ConferenceEndReason | undefined): string {
  if (reason === 'participant-updated-via-api' || reason === 'participant-kicked') return 'participant_updated_via_api';
  if (reason !== 'conference-ended') return 'participant_hung_up';
  return ended === 'conference-ended-via-api' ? 'conference_ended_via_api' : 'moderator_ended_conference';
}

/** Parameters that only some callbacks have. */
function ownParams(own: object, { end }: ConferenceState): Record<string, string> {
  const facts = own as Record<string, string | undefined>;
  const params: Record<string, string> = {};
  if (facts['callSidEndingConference'] !== undefined) {
    params['CallSidEndingConference'] = facts['callSidEndingConference'];
  }
  if (facts['callStatus'] !== undefined) {
    params['ParticipantCallStatus'] = facts['callStatus'];
    params['ReasonParticipantLeft'] = wordOf(facts['reason'] ?? '', end?.reason);
  } else if (facts['reason'] !== undefined) params['ReasonConferenceEnded'] = facts['reason'];
  if (facts['url'] !== undefined) params['AnnounceUrl'] = facts['url'];
  if (facts['message'] !== undefined) params['ReasonAnnouncementFailed'] = facts['message'];
  return params;
}
