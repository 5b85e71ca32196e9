import type { EndCause, EventData, EventType, StatusEvent } from '@hookswitch/shared';
import type { ConferenceNews } from './conferences/conference-io.ts';
import type { ConferenceReply, ConferenceRequest } from './conferences/conference-messages.ts';
import type { LeaveReason, ParticipantOptions } from './conferences/conference-state.ts';
import type { LegAudioControl, LegAudioEvent } from './leg-audio.ts';
import type { LegSipFacts, SipDomainFacts } from './sip-facts.ts';
import type { PromptAudio } from './prompt-ports.ts';
import type { StreamEvent } from './streams/stream-order.ts';
import type { QueueNews, QueueWish } from './queues/queue-io.ts';
import type { QueueReply, QueueRequest } from './queues/queue-messages.ts';

/**
 * Ports of the call router: what it needs from the rest of the server. `Legs` is implemented by bridge/, `Prompts` by
 * media-layer/, `Instructions` by app-server/, `EventSink` by bus/. Commands return at once and never throw; what became
 * of them comes back as {@link LegEvent}s into the mailbox of the call they belong to, in the order they happened.
 */

export type * from './conferences/ports.ts';
export type * from './queues/ports.ts';

/** Where a dialled leg goes. */
export type DialTarget =
  | {
      readonly kind: 'client';
      /** One identity, or a prefix of identities (`support/tier1/*` rings every identity below). */
      readonly identity: string;
      /** Handed to the ringing device. */
      readonly parameters: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'number'; readonly number: string; readonly sendDigits: string | undefined }
  | {
      readonly kind: 'sip';
      readonly uri: string;
      readonly username: string | undefined;
      readonly password: string | undefined;
      readonly headers: readonly (readonly [string, string])[];
    }
  /** An application of the account, which runs a call of its own for it. */
  | {
      readonly kind: 'application';
      readonly applicationSid: string;
      /** Of its requests, beside the standard ones. */
      readonly params: Readonly<Record<string, string>>;
    }
  /** The party that an answered leg of another call talks with: this leg takes that one's place (attended transfer). */
  | { readonly kind: 'leg'; readonly callSid: string };

/** A new leg of a call. */
export interface PlaceRequest {
  /** Sid of the new leg, chosen by the call router. */
  readonly callSid: string;
  /** The leg it is dialled for: that leg is parked until the merge. Equals `callSid` for a call that has no parent. */
  readonly parentCallSid: string;
  readonly accountSid: string;
  readonly target: DialTarget;
  /** Caller shown to the target: E.164 number, `client:identity` or SIP URI. */
  readonly from: string;
  /** Called party shown to the target. */
  readonly to: string;
  /** The application that runs the call, named in its events; a leg with a parent has that one's. */
  readonly applicationSid?: string | undefined;
  /** Ringing time before the leg ends with cause `no-answer`. Milliseconds. */
  readonly timeoutMs: number;
}

/** What a leg plays. */
export type PlayMedia =
  /** `loop`: times to play; 0 repeats until stopped. */
  | { readonly kind: 'wav'; readonly data: PromptAudio; readonly loop: number }
  /** `country`: ISO 3166, lower case (default us). */
  | { readonly kind: 'tone'; readonly tone: 'ringback' | 'busy'; readonly country?: string | undefined }
  | { readonly kind: 'silence'; readonly durationMs: number }
  /** What the leg's party says, without end. */
  | { readonly kind: 'echo' }
  /** Hold music of our own, without end. */
  | { readonly kind: 'music' }
  /** Somebody enters or leaves a conference; a recording begins. */
  | { readonly kind: 'beep'; readonly which: 'enter' | 'exit' | 'record' };

/** How a leg is to be ended or turned away. */
export interface EndRequest {
  readonly cause: EndCause;
  /** A sentence a person understands: goes into the SIP Reason header, the device's message and the log. */
  readonly message: string;
  /** SIP status for a leg that was not answered (default by cause: 486 busy, 603 rejected, 480 no-answer, 503 failed). */
  readonly sipStatus?: number;
  /** What the application tells the one that dialled it (`<Parameter>` of Hangup and Reject). */
  readonly returned?: Readonly<Record<string, string>>;
}

/** What becomes of a REFER that a far end sent. `refused` and a final `progress` (200 to 699) are the last word. */
export type ReferAnswer =
  | { readonly kind: 'accepted' }
  /** `message`: a sentence a person understands. */
  | { readonly kind: 'refused'; readonly sipStatus: number; readonly message: string }
  | { readonly kind: 'progress'; readonly sipStatus: number };

/** How a REFER of ours ended. */
export type ReferOutcome =
  /** The far end reported the final status of the call that it placed. */
  | { readonly kind: 'done'; readonly sipStatus: number }
  /** It did not take the REFER (408: it did not answer). */
  | { readonly kind: 'refused'; readonly sipStatus: number; readonly message: string }
  /** It took the REFER and never said what became of it. */
  | { readonly kind: 'unknown' };

export type * from './leg-audio.ts';
export type * from './sip-facts.ts';
export type * from './call-control-request.ts';
export type * from './streams/stream-order.ts';
export type * from './transcriptions/transcription-order.ts';

/** Control of the legs of this node. A leg is named by its CallSid. Commands for unknown or ended legs do nothing. */
export interface Legs extends LegAudioControl {
  /** Tells the far end of an incoming leg that the call is ringing (SIP 180; `ringing` for a client's own call). */
  ring(callSid: string): void;
  /** Answers an incoming leg; its media is up when `leg-answered` comes back. */
  answer(callSid: string): void;
  /** Ends the leg, whatever its state. `leg-ended` follows, once. */
  end(callSid: string, request: EndRequest): void;
  /** Plays to the leg's far end, replacing what was playing. `play-ended` with this `playId` follows, once. */
  play(callSid: string, playId: string, media: PlayMedia): void;
  /** Stops that playback if it is still the current one. */
  stopPlay(callSid: string, playId: string): void;
  /** Places a new leg. `leg-ringing`, `leg-answered`, `leg-ended` follow under its own sid. */
  place(request: PlaceRequest): void;
  /** Joins two answered legs of one call. `merged` follows when audio is up both ways. Stops playbacks on both. */
  merge(callSid: string, peerCallSid: string): void;
  /** Parts two merged legs; both stay up. */
  unmerge(callSid: string, peerCallSid: string): void;
  /** Sends DTMF towards the leg's far end. `w` waits 0.5 s, `W` 1 s. */
  sendDigits(callSid: string, digits: string): void;
  /** Answers a `refer-requested`; works after the end of the leg too. */
  answerRefer(referId: string, answer: ReferAnswer): void;
  /** Asks the far end to call `uri` in our place. `referred` follows, once, unless the leg ends first. */
  refer(callSid: string, uri: string): void;
  /** From now on the end of this leg ends its call, and not the end of the leg that did so before. */
  lead(callSid: string): void;
}

/** Where a far end wants the other party to go. */
export interface ReferTarget {
  /** As it was asked for. */
  readonly uri: string;
  /** Where that is, as far as it is within reach of the account. `leg`: a call that the far end has with us already. */
  readonly way:
    | { readonly kind: 'number'; readonly number: string }
    | { readonly kind: 'sip'; readonly uri: string }
    | { readonly kind: 'leg'; readonly callSid: string; readonly to: string }
    /** `problem`: why it cannot be gone to without the application's word. */
    | { readonly kind: 'outside'; readonly sipStatus: number; readonly problem: string };
}

/** What happened to a leg. `callSid` is the leg's own sid. */
export type LegEvent =
  | { readonly kind: 'leg-ringing'; readonly callSid: string; readonly earlyMedia: boolean }
  | {
      readonly kind: 'leg-answered';
      readonly callSid: string;
      readonly answeredBy?: string;
      readonly sip?: LegSipFacts;
    }
  | {
      readonly kind: 'leg-ended';
      readonly callSid: string;
      readonly cause: EndCause;
      readonly message: string;
      readonly sipStatus?: number;
      /** Whether the far end ended it or we did. */
      readonly by: 'remote' | 'local';
      readonly sip?: LegSipFacts;
      /** What an application that was dialled says at its end. */
      readonly returned?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'play-ended';
      readonly callSid: string;
      readonly playId: string;
      readonly result: 'finished' | 'stopped' | 'failed';
      readonly message?: string;
    }
  | { readonly kind: 'digit'; readonly callSid: string; readonly digit: string }
  | { readonly kind: 'merged'; readonly callSid: string; readonly peerCallSid: string }
  | { readonly kind: 'unmerged'; readonly callSid: string; readonly peerCallSid: string }
  | { readonly kind: 'one-way-audio'; readonly callSid: string; readonly silent: 'this' | 'peer' }
  | { readonly kind: 'held'; readonly callSid: string }
  | { readonly kind: 'resumed'; readonly callSid: string }
  /** The far end asks us to connect the other party with somebody else: answered by `answerRefer`. */
  | {
      readonly kind: 'refer-requested';
      readonly callSid: string;
      readonly referId: string;
      readonly target: ReferTarget;
      readonly referredBy?: string;
      /** It may transfer without the application's word: a phone of the account, or a trunk that was set up so. */
      readonly trusted: boolean;
    }
  /** Another SIP peer took the place of the far end (INVITE with Replaces), or it was joined with another call. */
  | { readonly kind: 'replaced'; readonly callSid: string; readonly by: string }
  | { readonly kind: 'referred'; readonly callSid: string; readonly outcome: ReferOutcome }
  | LegAudioEvent
  | StreamEvent;

/** A call that reached this node, before anything was decided about it. */
export interface IncomingCall {
  readonly callSid: string;
  readonly accountSid: string;
  readonly from: string;
  readonly to: string;
  readonly origin:
    | {
        readonly kind: 'sip';
        /** Undefined: a SIP phone's call. */
        readonly trunkSid?: string;
        readonly sipCallId: string;
        readonly sourceIp: string;
        /** Display name that the caller gave. */
        readonly callerName?: string | undefined;
        /** What the carrier says of the caller's number, for example `TN-Validation-Passed-A` (ATIS-1000074). */
        readonly stirVerstat?: string | undefined;
        readonly domain?: SipDomainFacts | undefined;
      }
    | { readonly kind: 'client'; readonly identity: string; readonly params: Readonly<Record<string, string>> }
    /** Another call has dialled the application. */
    | {
        readonly kind: 'application';
        readonly parentCallSid: string;
        readonly params: Readonly<Record<string, string>>;
      };
  /** The application whose instructions run the call; undefined for one that has a document. */
  readonly applicationSid: string | undefined;
  /** TwiML that runs in the place of an application's. */
  readonly document?: string | undefined;
  /** From a Diversion or History-Info header. */
  readonly forwardedFrom?: string;
  /** X- headers of the INVITE by name: parameters `SipHeader_X-...` of the first request. */
  readonly sipHeaders?: Readonly<Record<string, string>>;
}

/** What the bridge asks before it accepts an INVITE: whose call is this? */
export interface SipAdmissionFacts {
  readonly sourceIp: string;
  /** User part of the Request-URI, as sent. */
  readonly calledUser: string;
  /** Trunks it may have come by, best first, with the numbers as each trunk's number plan reads them. */
  readonly candidates: readonly {
    readonly trunkSid: string;
    readonly accountSid: string;
    /** It may be a call to an account below that one, too. */
    readonly shared: boolean;
    /** E.164 where they are numbers. */
    readonly from: string;
    readonly to: string;
  }[];
}
/** Why the call router takes no call. */
export type SipRefusalKind =
  'shutting-down' | 'account-inactive' | 'number-unknown' | 'number-without-application' | 'application-missing';
export type SipAdmission =
  | {
      readonly admitted: true;
      readonly accountSid: string;
      readonly applicationSid: string;
      /** Undefined: a SIP phone's call. */
      readonly trunkSid?: string;
      /** Of a SIP phone's call. */
      readonly domain?: SipDomainFacts;
      /** Numbers normalised to E.164 where they are numbers. */
      readonly from: string;
      readonly to: string;
    }
  | {
      readonly admitted: false;
      readonly kind: SipRefusalKind;
      /** What is wrong, where. */
      readonly problem: string;
      readonly from: string;
      readonly to: string;
      /** Whose call it would have been; undefined when that is not known. */
      readonly accountSid?: string;
      readonly trunkSid?: string;
    };

/** The call router as the bridge sees it. Implemented by calls/. */
export interface CallRouter {
  /** Whose call is it? Synchronous: answered from the mirrored configuration. */
  admitSip(facts: SipAdmissionFacts): SipAdmission;
  /** Takes a call over. From here on the router commands its legs and receives their events. */
  incoming(call: IncomingCall): void;
  /** Posts a leg event into the mailbox of the call that the leg belongs to. Unknown legs are ignored. */
  legEvent(event: LegEvent): void;
}

export type * from './prompt-ports.ts';

/** Writes recordings down. Implemented by media-layer/. */
export interface Transcriber {
  /** Bounded in time; never rejects. */
  transcribe(request: {
    readonly accountSid: string;
    readonly recordingSid: string;
  }): Promise<{ readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string }>;
}

/** One request to an application server. */
export interface InstructionRequest {
  readonly accountSid: string;
  readonly callSid: string;
  readonly url: string;
  readonly method: 'GET' | 'POST';
  /** Form parameters (query parameters for GET), signed. */
  readonly params: Readonly<Record<string, string>>;
  /** Whose session state goes with it: the call that it is about, with its caller and callee (default: `params`). */
  readonly session?: { readonly callSid: string; readonly from: string; readonly to: string };
  /** The same for every attempt at one request; made up when left out. */
  readonly idempotencyToken?: string;
  /** The application whose first request for the call this is: its delegates are asked before it. */
  readonly firstOf?: string;
  /** Nobody waits for what it answers. */
  readonly background?: boolean;
}
export type InstructionResponse =
  | {
      readonly ok: true;
      readonly url: string;
      readonly status: number;
      readonly contentType: string;
      readonly body: string;
      readonly durationMs: number;
    }
  | {
      readonly ok: false;
      readonly url: string;
      /** 11200 HTTP status, 11205 connection, 11210 bad host, 11215 redirects, 11220 TLS, 11750 too large. */
      readonly code: number;
      readonly message: string;
      /** What to mend, for the log and the event. */
      readonly hint: string;
      readonly durationMs: number;
    };

export interface Instructions {
  /** Time-outs, retry, signature and redirects are the port's own; never throws. `signal` gives it up. */
  fetch(request: InstructionRequest, signal: AbortSignal): Promise<InstructionResponse>;
}

/**
 * Where events go: one bounded outbox per process that keeps order, also over an outage of the bus. `emit` never
 * throws and never waits.
 */
export interface EventSink {
  emit<T extends EventType>(event: {
    readonly accountSid: string;
    readonly type: T;
    readonly subject: string;
    readonly data: EventData<T>;
    /** Gapless per call, counted by the publisher. */
    readonly sequence?: number;
    /** Of the event (default: a new one): of two with the same id, within five minutes, one is stored. */
    readonly id?: string;
    /** Called once: when it is stored, or was dropped. `isAnothers`: what is stored under its id is not this one. */
    readonly onSettled?: (outcome: 'stored' | 'refused', isAnothers: boolean) => void;
  }): void;
}

/** Requests whose answer nobody waits for: status callbacks. Implemented by app-server/. */
export interface Callbacks {
  /**
   * Sends in order per `callSid`, one at a time, retried a few times. Bounded: when too many wait for one call the newest
   * is dropped and logged. Never throws, never waits.
   */
  send(request: InstructionRequest): void;
}

/** Steps of a call that are reported to a URL. */
export interface StatusCallback {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly events: readonly StatusEvent[];
}

/** What runs a call. */
export interface CallApplication {
  /** Undefined for a call placed with a URL or a document of its own. */
  readonly applicationSid: string | undefined;
  readonly voice: { readonly url: string; readonly method: 'GET' | 'POST' };
  readonly fallback: { readonly url: string; readonly method: 'GET' | 'POST' } | undefined;
  readonly statusCallback: StatusCallback | undefined;
}

/** What the router asks the mirrored configuration. Synchronous. */
export interface CallDirectory {
  /** False for a suspended, closed or unknown account: its calls are refused. */
  accountActive(accountSid: string): boolean;
  /**
   * A number of the account, or with `below` of one below it. `applicationSid` undefined: it has no application yet.
   */
  number(
    accountSid: string,
    e164: string,
    below: boolean,
  ): { readonly accountSid: string; readonly applicationSid: string | undefined } | undefined;
  application(accountSid: string, applicationSid: string): CallApplication | undefined;
}

/** Conferences as the calls of this node see them. Commands return at once and never throw. */
export interface ConferenceDesk {
  /** Who takes the news of calls to them. */
  attach(deliver: (callSid: string, news: ConferenceNews) => void): void;
  /** News `joined` or `refused` follow, and no more after `removed`, `refused` or a `leave`. */
  join(request: {
    readonly accountSid: string;
    readonly callSid: string;
    readonly name: string;
    readonly options: ParticipantOptions;
  }): void;
  leave(callSid: string, facts: { readonly reason: LeaveReason; readonly callStatus: string }): void;
}

/** Conferences as REST sees them, whichever node owns them. Bounded in time; never rejects. */
export interface ConferenceControl {
  /**
   * `read`, `end` (after an announcement, if it has one), `announce` to all; `update` and `kick` a participant, named by
   * CallSid or label; `recording` changes one of those that go on. The answer holds the conference as it is then; what a command leads to follows as events.
   */
  request(request: Exclude<ConferenceRequest, { do: 'join' | 'leave' }>): Promise<ConferenceReply>;
  /** Of the conference of this name that is up; for `POST Participants` to one that is named. */
  sidOf(accountSid: string, name: string): Promise<string | undefined>;
}

/** Queues as the calls of this node see them. Commands return at once and never throw. */
export interface QueueDesk {
  attach(deliver: (callSid: string, news: QueueNews) => void): void;
  perform(wish: { readonly accountSid: string; readonly callSid: string } & QueueWish): void;
}

/** Queues as REST sees them, whichever node owns them. Bounded in time; never rejects. */
export interface QueueControl {
  /** `create` and `list` by account; `read`, `update`, `delete` a queue, `dequeue` a member (CallSid or `Front`). */
  request(request: QueueRequest): Promise<QueueReply>;
}
