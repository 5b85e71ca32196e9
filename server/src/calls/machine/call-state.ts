import type { CallDirection, CallFinalStatus, EndCause, TwimlVerb } from '@hookswitch/shared';
import type { Announcement } from '../announcements/announcement-order.ts';
import type { CallApplication, CallMachineDetection, EndRequest, LegSipFacts, StatusCallback } from '../ports.ts';
import type { Program } from '../twiml/document.ts';
import type { InternalVerb } from '../verbs/apology.ts';

/** How a leg ended. */
export interface LegOutcome {
  readonly status: CallFinalStatus;
  readonly cause: EndCause;
  readonly message: string;
  readonly sipStatus: number | undefined;
  /** What an application that was dialled said at its end. */
  readonly returned?: Readonly<Record<string, string>>;
  /** Whole seconds from answer to end, 0 when it was never answered. */
  readonly durationSeconds: number;
}

/**
 * One leg: the caller's (the root) or one that was dialled.
 *
 *     initiated -> ringing -> answered -> ended      any state may go to ended
 */
export interface LegState {
  readonly callSid: string;
  readonly parentCallSid: string | undefined;
  readonly direction: CallDirection;
  readonly from: string;
  readonly to: string;
  /** The run of the verb that placed it; 0 for the root. */
  readonly run: number;
  readonly phase: 'initiated' | 'ringing' | 'answered' | 'ended';
  /** Sequence number of its next event. */
  readonly sequence: number;
  readonly statusCallback: StatusCallback | undefined;
  /** SequenceNumber of its next status callback. */
  readonly callbackSequence: number;
  /** Monotonic milliseconds. */
  readonly answeredAt: number | undefined;
  readonly sip?: LegSipFacts | undefined;
  /** The leg it is merged with. */
  readonly peer: string | undefined;
  readonly outcome: LegOutcome | undefined;
}

/**
 * What a thread is doing.
 *
 *     waiting --answered (placed call)--> fetching
 *     fetching --document--> verb | answering | ending      --failure--> fetching (fallback URL) | verb (apology)
 *     answering --leg answered--> verb
 *     verb --done--> verb | answering | fetching | ending
 *     ending --leg ended--> ended                            any state --caller's leg ended--> ended
 */
export type Execution =
  | { readonly kind: 'waiting' }
  | {
      readonly kind: 'fetching';
      readonly fetchId: string;
      readonly url: string;
      readonly method: 'GET' | 'POST';
      readonly fallback: boolean;
    }
  | { readonly kind: 'answering'; readonly index: number }
  | {
      readonly kind: 'verb';
      readonly verb: TwimlVerb | InternalVerb;
      /** Position in the program; -1 for a verb of the router's own. */
      readonly index: number;
      /** Number of this run of a verb within the call: names its timers, prompts and legs. */
      readonly run: number;
      readonly startedAt: number;
      /** The verb's own state. */
      readonly memory: unknown;
    }
  | { readonly kind: 'ending' }
  | { readonly kind: 'ended' };

/** Timers, playbacks and requests of a verb in progress: stopped with it. */
export interface Held {
  readonly timers: readonly string[];
  readonly playbacks: readonly string[];
  /** `callSid`: the leg that it is about. */
  readonly fetches: readonly { readonly fetchId: string; readonly callSid: string; readonly method: string }[];
}

/** What makes a thread a side program. */
export interface Side {
  /** The owner's name for it. */
  readonly name: string;
  /** Leg that it runs for. */
  readonly callSid: string;
  /** Verbs that it may use. */
  readonly verbs: readonly string[];
}

/**
 * Instructions in progress for one leg: those of the call (the main thread), or a document that runs beside the verb in
 * progress of the main thread (a side program). Each has its own program, verb execution, timers, playbacks and requests.
 */
export interface Thread {
  readonly execution: Execution;
  readonly program: Program | undefined;
  readonly held: Held;
  /** Documents in a row whose verbs took no time: a redirect loop when there are too many. */
  readonly idleDocuments: number;
  /** How a call that was not answered is turned away if its instructions end now. */
  readonly refusal: EndRequest | undefined;
  /** Undefined for the main thread. */
  readonly side: Side | undefined;
}

export interface CallState {
  readonly accountSid: string;
  /** The leg that instructions run for: the one that the call came with, until a transfer hands it to another. */
  readonly rootSid: string;
  /** Unpredictable text from which the sids of dialled legs are derived, so that a replay gives the same ones. */
  readonly seed: string;
  readonly application: CallApplication;
  /** Instructions given with the call, in place of the application's URL. */
  readonly document: string | undefined;
  /** Request parameters beyond the standard ones: SIP facts, a client's own. */
  readonly extraParams: Readonly<Record<string, string>>;
  /** Facts of call.initiated beyond the common ones. */
  readonly origin: { readonly trunk?: string; readonly sipCallId?: string };
  readonly legs: ReadonlyMap<string, LegState>;
  /** Who answers a placed call is found out; undefined once that is done, or never. */
  readonly machineDetection: CallMachineDetection | undefined;
  /** Where the account's recordings are to be had: a sid is appended. */
  readonly recordingsUrl: string;
  /** The instructions of the call itself. */
  readonly main: Thread;
  /** Side programs, by the name that their owner's run gives them. */
  readonly sides: ReadonlyMap<string, Thread>;
  /** What is announced to its legs from outside, by sid. */
  readonly announcements: ReadonlyMap<string, Announcement>;
  /** Verb runs so far. */
  readonly runs: number;
  /** Requests for instructions so far. */
  readonly fetches: number;
}

const NOTHING_HELD: Held = { timers: [], playbacks: [], fetches: [] };

export function newThread(side?: Side): Thread {
  const execution = { kind: 'waiting' as const };
  return { execution, program: undefined, held: NOTHING_HELD, idleDocuments: 0, refusal: undefined, side };
}

export interface NewCall {
  readonly callSid: string;
  /** The call whose Dial led here. */
  readonly parentCallSid?: string | undefined;
  readonly accountSid: string;
  readonly from: string;
  readonly to: string;
  readonly direction: CallDirection;
  readonly seed: string;
  readonly application: CallApplication;
  readonly document?: string | undefined;
  readonly extraParams: Readonly<Record<string, string>>;
  readonly origin: { readonly trunk?: string; readonly sipCallId?: string };
  readonly recordingsUrl?: string | undefined;
  readonly machineDetection?: CallMachineDetection | undefined;
}

export function newCallState(call: NewCall): CallState {
  const { callSid, accountSid, from, to, direction, seed, application, document, extraParams, origin } = call;
  const { parentCallSid } = call;
  const root = newLeg({ callSid, from, to, direction, statusCallback: application.statusCallback, parentCallSid });
  return {
    accountSid,
    rootSid: callSid,
    seed,
    application,
    document,
    extraParams,
    origin,
    machineDetection: call.machineDetection,
    recordingsUrl: call.recordingsUrl ?? '',
    legs: new Map([[callSid, root]]),
    main: newThread(),
    sides: new Map(),
    announcements: new Map(),
    runs: 0,
    fetches: 0,
  };
}

export function newLeg(
  facts: Pick<LegState, 'callSid' | 'from' | 'to' | 'direction' | 'statusCallback'> & {
    parentCallSid?: string | undefined;
    run?: number;
  },
): LegState {
  return {
    phase: 'initiated',
    sequence: 0,
    callbackSequence: 0,
    answeredAt: undefined,
    peer: undefined,
    outcome: undefined,
    parentCallSid: undefined,
    run: 0,
    ...facts,
  };
}
