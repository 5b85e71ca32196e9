import { describeError } from '../../kernel/index.ts';
import type { Clock, Log, Random } from '../../kernel/index.ts';
import type { GroupClaims } from '../groups/group-claims.ts';
import type { NodeRequests } from '../groups/ports.ts';
import type { Callbacks, ConferenceControl, ConferenceDesk, EventSink, Instructions, Prompts } from '../ports.ts';
import type { ConferenceInput, ConferenceNews } from './conference-io.ts';
import {
  CONFERENCE_RPC,
  conferenceCommandSchema,
  conferenceNewsSchema,
  conferenceReplySchema,
} from './conference-messages.ts';
import type { ConferenceReply, ConferenceRequest } from './conference-messages.ts';
import { ConferenceRecordings } from './conference-recordings.ts';
import { ConferenceRunner } from './conference-runner.ts';
import { newConference, participantOf } from './conference-state.ts';
import type { ConferenceState, LeaveReason, ParticipantOptions } from './conference-state.ts';
import { tellLost } from './lost-conferences.ts';
import type { ConferenceMedia, PartyAt } from './ports.ts';

export interface ConferenceDeskOptions {
  readonly claims: GroupClaims;
  readonly rpc: NodeRequests;
  readonly media: ConferenceMedia;
  readonly events: EventSink;
  readonly callbacks: Callbacks;
  readonly instructions: Instructions;
  readonly prompts: Prompts;
  /** Address of our REST API, for the addresses of recordings (default: none, they are relative). */
  readonly apiUrl?: () => string;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
}

/** A call of this node that is in a conference, or about to be. */
interface Membership {
  /** Where; undefined while that is being found out. */
  at: { readonly node: string; readonly accountSid: string; readonly conferenceSid: string } | undefined;
}

/** Times that a conference is looked for anew because the one found has just ended. */
const ATTEMPTS = 10;
/** Ended conferences that are remembered, so that none of them begins again. */
const REMEMBERED = 1000;

/**
 * The conferences of a node: those that it owns, and the way of its calls to those of others. The first to join by a name
 * makes its node the owner.
 */
export class NodeConferences implements ConferenceDesk, ConferenceControl {
  readonly #options: ConferenceDeskOptions;
  readonly #owned = new Map<string, ConferenceRunner>();
  readonly #ended = new Set<string>();
  readonly #recordings: ConferenceRecordings;
  readonly #calls = new Map<string, Membership>();
  readonly #releases: (() => void)[];
  #deliver: (callSid: string, news: ConferenceNews) => void = () => undefined;

  constructor(options: ConferenceDeskOptions) {
    const { rpc, claims } = options;
    this.#options = options;
    this.#recordings = new ConferenceRecordings(options);
    this.#releases = [
      rpc.serve(CONFERENCE_RPC.command, (payload) =>
        Promise.resolve(this.#own(conferenceCommandSchema.parse(payload))),
      ),
      rpc.serve(CONFERENCE_RPC.news, (payload) => {
        const { callSid, news } = conferenceNewsSchema.parse(payload);
        return Promise.resolve({ taken: this.#take(callSid, news) });
      }),
      claims.standing.onLeft((node) => {
        this.#nodeLeft(node);
      }),
    ];
  }

  /** Conferences that this node owns. */
  get size(): number {
    return this.#owned.size;
  }

  /** Calls of this node that are in a conference anywhere, for leak checks. */
  get calls(): number {
    return this.#calls.size;
  }

  attach(deliver: (callSid: string, news: ConferenceNews) => void): void {
    this.#deliver = deliver;
  }

  join(request: { accountSid: string; callSid: string; name: string; options: ParticipantOptions }): void {
    const { callSid } = request;
    const membership: Membership = { at: undefined };
    this.#calls.set(callSid, membership);
    this.#join(request, membership).catch((error: unknown) => {
      const message = `the conference could not be joined: ${describeError(error)}`;
      this.#options.log.error({ err: error, callSid }, message);
      this.#take(callSid, { kind: 'refused', reason: 'failed', message });
    });
  }

  leave(callSid: string, facts: { reason: LeaveReason; callStatus: string }): void {
    const membership = this.#calls.get(callSid);
    if (membership === undefined) return;
    this.#calls.delete(callSid);
    // Not asked for yet: it never is.
    if (membership.at === undefined) return;
    const { node, ...at } = membership.at;
    void this.#ask(node, { ...at, do: 'leave', callSid, ...facts });
  }

  async request(request: Exclude<ConferenceRequest, { do: 'join' | 'leave' }>): Promise<ConferenceReply> {
    const { accountSid, conferenceSid } = request;
    try {
      const found = await this.#options.claims.find('conference', accountSid, conferenceSid);
      const node = found?.record.node;
      if (node === undefined) return { ok: false, reason: 'no-such-conference' };
      return await this.#ask(node, request);
    } catch (error) {
      this.#options.log.warn({ err: error, conferenceSid }, `no way to a conference: ${describeError(error)}`);
      return { ok: false, reason: 'unavailable' };
    }
  }

  async sidOf(accountSid: string, name: string): Promise<string | undefined> {
    const all = await this.#options.claims.list('conference', accountSid);
    return all.find((record) => record.name === name && this.#options.claims.isOwned(record))?.sid;
  }

  /** Ends the conferences that this node owns. Idempotent. */
  close(): void {
    for (const runner of [...this.#owned.values()]) runner.post({ kind: 'end' });
    for (const release of this.#releases.splice(0)) release();
  }

  async #join(
    { accountSid, callSid, name, options }: Parameters<ConferenceDesk['join']>[0],
    membership: Membership,
  ): Promise<void> {
    const { claims } = this.#options;
    const wanted = (): boolean => this.#calls.get(callSid) === membership;
    for (let attempt = 0; attempt < ATTEMPTS && wanted(); attempt++) {
      const key = { kind: 'conference', accountSid, name } as const;
      const { record, replaced } = await claims.claim(key, { fresh: true });
      if (replaced !== undefined) tellLost(this.#options.events, replaced);
      const { node = claims.node, sid: conferenceSid, createdAt } = record;
      if (wanted()) {
        const party = { callSid, node: claims.node };
        // Known before the first news comes.
        membership.at = { node, accountSid, conferenceSid };
        const reply = await this.#ask(node, { do: 'join', accountSid, conferenceSid, name, createdAt, party, options });
        if (reply.ok) return;
        membership.at = undefined;
      }
      // One that has ended, or that nobody came to.
      if (node === claims.node && !this.#owned.has(conferenceSid)) await claims.remove(key, conferenceSid);
    }
    if (wanted()) throw new Error(`conference ${name} kept ending`);
  }

  async #ask(node: string, request: ConferenceRequest): Promise<ConferenceReply> {
    try {
      return conferenceReplySchema.parse(await this.#options.rpc.request(node, CONFERENCE_RPC.command, request));
    } catch (error) {
      this.#options.log.warn(
        { err: error, node, do: request.do },
        `a conference's node does not answer: ${describeError(error)}`,
      );
      return { ok: false, reason: 'unavailable' };
    }
  }

  /** A request to a conference of this node. */
  #own(request: ConferenceRequest): ConferenceReply {
    const runner = this.#owned.get(request.conferenceSid) ?? (request.do === 'join' ? this.#open(request) : undefined);
    if (runner?.state.accountSid !== request.accountSid) return { ok: false, reason: 'no-such-conference' };
    if (request.do === 'start-recording') return this.#startRecording(runner, request);
    if (request.do === 'recording') {
      const { conferenceSid, recordingSid, change } = request;
      if (!this.#recordings.change(conferenceSid, recordingSid, change))
        return { ok: false, reason: 'no-such-recording' };
    } else if (request.do !== 'read') {
      const input = inputOf(request, runner.state, this.#options.clock.now());
      if (input === undefined) return { ok: false, reason: 'no-such-participant' };
      if (request.do === 'end' && request.announceUrl !== undefined) this.#endAfter(runner, request);
      else runner.post(input);
    }
    return { ok: true, conference: describe(runner.state) };
  }

  /** Written down with the participant that has been there longest. */
  #startRecording(
    runner: ConferenceRunner,
    { accountSid, conferenceSid, trim, callback }: Extract<ConferenceRequest, { do: 'start-recording' }>,
  ): ConferenceReply {
    const conference = describe(runner.state);
    const [first] = conference.participants;
    if (first === undefined || conference.status !== 'in-progress') return { ok: false, reason: 'no-such-conference' };
    const recorded = { accountSid, conferenceSid, callSid: first.callSid };
    const recordingSid = this.#recordings.start(recorded, { trim, callback }, 'StartConferenceRecordingAPI');
    return { ok: true, conference, recordingSid };
  }

  #endAfter(runner: ConferenceRunner, request: Extract<ConferenceRequest, { do: 'end' }>): void {
    const { announceUrl: url = '', announceMethod: method = 'POST' } = request;
    runner.endAfter({ url, method });
  }

  #open(request: Extract<ConferenceRequest, { do: 'join' }>): ConferenceRunner | undefined {
    const { conferenceSid: sid, accountSid, name, createdAt } = request;
    if (this.#ended.has(sid)) return undefined;
    const { claims } = this.#options;
    const runner = new ConferenceRunner({
      ...this.#options,
      initial: newConference({ sid, accountSid, name, createdAt }),
      record: (callSid, wish) => {
        this.#recordings.start({ accountSid, conferenceSid: sid, callSid }, wish);
      },
      tell: (party, news) => this.#tell(party, news),
      onClosed: () => {
        this.#owned.delete(sid);
        this.#remember(sid);
        claims.remove({ kind: 'conference', accountSid, name }, sid).catch((error: unknown) => {
          this.#options.log.warn(
            { err: error, sid },
            'an ended conference is still written down; the next one replaces it',
          );
        });
      },
    });
    this.#owned.set(sid, runner);
    return runner;
  }

  #remember(sid: string): void {
    this.#ended.add(sid);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= REMEMBERED) break;
      this.#ended.delete(oldest);
    }
  }

  async #tell({ node, callSid }: PartyAt, news: ConferenceNews): Promise<boolean> {
    try {
      const reply = await this.#options.rpc.request(node, CONFERENCE_RPC.news, { callSid, news });
      return (reply as { taken?: unknown } | null)?.taken === true;
    } catch (error) {
      this.#options.log.warn(
        { err: error, node, callSid },
        `a participant's node does not answer: ${describeError(error)}`,
      );
      return false;
    }
  }

  /** News for a call of this node. False when it is in no conference. */
  #take(callSid: string, news: ConferenceNews): boolean {
    if (!this.#calls.has(callSid)) return false;
    if (news.kind === 'removed' || news.kind === 'refused') this.#calls.delete(callSid);
    this.#deliver(callSid, news);
    return true;
  }

  #nodeLeft(node: string): void {
    for (const runner of [...this.#owned.values()]) runner.post({ kind: 'node-left', node });
    for (const [callSid, { at }] of [...this.#calls]) {
      if (at?.node === node) this.#take(callSid, { kind: 'removed', reason: 'conference-ended' });
    }
  }
}

/** Undefined: there is no such participant. */
function inputOf(
  request: Exclude<ConferenceRequest, { do: 'read' | 'recording' | 'start-recording' }>,
  state: ConferenceState,
  now: number,
): ConferenceInput | undefined {
  switch (request.do) {
    case 'join':
      return { kind: 'join', party: request.party, options: request.options, at: now };
    case 'leave': {
      const { callSid, reason, callStatus } = request;
      return { kind: 'leave', callSid, reason, callStatus };
    }
    case 'end':
      return { kind: 'end' };
    case 'announce':
      return { kind: 'announce', announcement: { url: request.url, method: request.method } };
    case 'update':
    case 'kick': {
      const who = participantOf(state, request.participant);
      if (who === undefined) return undefined;
      const { callSid } = who;
      return request.do === 'kick' ? { kind: 'kick', callSid } : { kind: 'update', callSid, change: request.change };
    }
  }
}

function describe(state: ConferenceState): Extract<ConferenceReply, { ok: true }>['conference'] {
  const { sid: conferenceSid, name: friendlyName, status, createdAt, participants } = state;
  return {
    conferenceSid,
    friendlyName,
    status,
    createdAt,
    participants: [...participants.values()].map((who) => ({
      callSid: who.callSid,
      ...(who.label === undefined ? {} : { label: who.label }),
      muted: who.muted,
      hold: who.held,
      coaching: who.coach !== undefined,
      ...(who.coach === undefined ? {} : { callSidToCoach: who.coach }),
      startConferenceOnEnter: who.startConferenceOnEnter,
      endConferenceOnExit: who.endConferenceOnExit,
      joinedAt: who.joinedAt,
    })),
  };
}
