import type { EndCause, EventData, EventType, StatusEvent } from '@hookswitch/shared';

/**
 * Ports of the call router: what it needs from the rest of the server. `Legs` is implemented by bridge/, `Prompts` by
 * media-layer/, `Instructions` by app-server/, `EventSink` by bus/. Commands return at once and never throw; what became
 * of them comes back as {@link LegEvent}s into the mailbox of the call they belong to, in the order they happened.
 */

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
    };

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
  /** Ringing time before the leg ends with cause `no-answer`. Milliseconds. */
  readonly timeoutMs: number;
}

/** What a leg plays. */
export type PlayMedia =
  /** `loop`: times to play; 0 repeats until stopped. */
  | { readonly kind: 'wav'; readonly data: Uint8Array; readonly loop: number }
  | { readonly kind: 'tone'; readonly tone: 'ringback' | 'busy' }
  | { readonly kind: 'silence'; readonly durationMs: number };

/** How a leg is to be ended or turned away. */
export interface EndRequest {
  readonly cause: EndCause;
  /** A sentence a person understands: goes into the SIP Reason header, the device's message and the log. */
  readonly message: string;
  /** SIP status for a leg that was not answered (default by cause: 486 busy, 603 rejected, 480 no-answer, 503 failed). */
  readonly sipStatus?: number;
}

/** Control of the legs of this node. A leg is named by its CallSid. Commands for unknown or ended legs do nothing. */
export interface Legs {
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
}

/** What happened to a leg. `callSid` is the leg's own sid. */
export type LegEvent =
  | { readonly kind: 'leg-ringing'; readonly callSid: string; readonly earlyMedia: boolean }
  | { readonly kind: 'leg-answered'; readonly callSid: string; readonly answeredBy?: string }
  | {
      readonly kind: 'leg-ended';
      readonly callSid: string;
      readonly cause: EndCause;
      readonly message: string;
      readonly sipStatus?: number;
      /** Whether the far end ended it or we did. */
      readonly by: 'remote' | 'local';
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
  | { readonly kind: 'resumed'; readonly callSid: string };

/** A call that reached this node, before anything was decided about it. */
export interface IncomingCall {
  readonly callSid: string;
  readonly accountSid: string;
  readonly from: string;
  readonly to: string;
  readonly origin:
    | { readonly kind: 'sip'; readonly trunkSid: string; readonly sipCallId: string; readonly sourceIp: string }
    | { readonly kind: 'client'; readonly identity: string; readonly params: Readonly<Record<string, string>> };
  /** The application whose instructions run the call. */
  readonly applicationSid: string;
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
  readonly callingUser: string;
}
export type SipAdmission =
  | {
      readonly admitted: true;
      readonly accountSid: string;
      readonly applicationSid: string;
      readonly trunkSid: string;
      /** Numbers normalised to E.164 where they are numbers. */
      readonly from: string;
      readonly to: string;
    }
  | { readonly admitted: false; readonly sipStatus: number; readonly reason: string };

/** The call router as the bridge sees it. Implemented by calls/. */
export interface CallRouter {
  /** Whose call is it? Synchronous: answered from the mirrored configuration. */
  admitSip(facts: SipAdmissionFacts): SipAdmission;
  /** Takes a call over. From here on the router commands its legs and receives their events. */
  incoming(call: IncomingCall): void;
  /** Posts a leg event into the mailbox of the call that the leg belongs to. Unknown legs are ignored. */
  legEvent(event: LegEvent): void;
}

/** Audio for Say and Play: a WAV file of any PCM or G.711 kind and rate. */
export type PromptResult =
  | { readonly ok: true; readonly wav: Uint8Array }
  | { readonly ok: false; readonly code: number; readonly message: string };

export interface Prompts {
  /** Speech for a text. Defaults: voice and language of the engine (en-US). Bounded in time; never throws. */
  say(request: { accountSid: string; text: string; voice?: string; language?: string }): Promise<PromptResult>;
  /** A recording by HTTP(S). Bounded in time, size and redirects; never throws. */
  fetch(request: { accountSid: string; url: string }): Promise<PromptResult>;
}

/** One request to an application server. */
export interface InstructionRequest {
  readonly accountSid: string;
  readonly callSid: string;
  readonly url: string;
  readonly method: 'GET' | 'POST';
  /** Form parameters (query parameters for GET), signed. */
  readonly params: Readonly<Record<string, string>>;
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
  /** Trunks whose allow-list holds this address; several tenants may share a carrier. */
  trunksBySource(sourceIp: string): readonly { readonly trunkSid: string; readonly accountSid: string }[];
  /** `applicationSid` undefined: the number exists and has no application yet. */
  number(accountSid: string, e164: string): { readonly applicationSid: string | undefined } | undefined;
  application(accountSid: string, applicationSid: string): CallApplication | undefined;
}
