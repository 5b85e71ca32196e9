import type { CallDirection, CallFinalStatus, EndCause, TwimlVerb } from '@hookswitch/shared';
import type { CallApplication, EndRequest, StatusCallback } from '../ports.ts';
import type { Program } from '../twiml/document.ts';
import type { InternalVerb } from '../verbs/apology.ts';

/** How a leg ended. */
export interface LegOutcome {
  readonly status: CallFinalStatus;
  readonly cause: EndCause;
  readonly message: string;
  readonly sipStatus: number | undefined;
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
  /** The leg it is merged with. */
  readonly peer: string | undefined;
  readonly outcome: LegOutcome | undefined;
}

/**
 * What the call is doing.
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

export interface CallState {
  readonly accountSid: string;
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
  readonly execution: Execution;
  readonly program: Program | undefined;
  /** Timers and playbacks of the verb in progress: stopped with it. */
  readonly held: { readonly timers: readonly string[]; readonly playbacks: readonly string[] };
  /** Verb runs so far. */
  readonly runs: number;
  /** Requests for instructions so far. */
  readonly fetches: number;
  /** Documents in a row whose verbs took no time: a redirect loop when there are too many. */
  readonly idleDocuments: number;
  /** How a call that was not answered is turned away if its instructions end now. */
  readonly refusal: EndRequest | undefined;
}

export interface NewCall {
  readonly callSid: string;
  readonly accountSid: string;
  readonly from: string;
  readonly to: string;
  readonly direction: CallDirection;
  readonly seed: string;
  readonly application: CallApplication;
  readonly document?: string | undefined;
  readonly extraParams: Readonly<Record<string, string>>;
  readonly origin: { readonly trunk?: string; readonly sipCallId?: string };
}

export function newCallState(call: NewCall): CallState {
  const { callSid, accountSid, from, to, direction, seed, application, document, extraParams, origin } = call;
  const root = newLeg({ callSid, from, to, direction, statusCallback: application.statusCallback });
  return {
    accountSid,
    rootSid: callSid,
    seed,
    application,
    document,
    extraParams,
    origin,
    legs: new Map([[callSid, root]]),
    execution: { kind: 'waiting' },
    program: undefined,
    held: { timers: [], playbacks: [] },
    runs: 0,
    fetches: 0,
    idleDocuments: 0,
    refusal: undefined,
  };
}

export function newLeg(
  facts: Pick<LegState, 'callSid' | 'from' | 'to' | 'direction' | 'statusCallback'> & {
    parentCallSid?: string;
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
