import type {
  EndRequest,
  InstructionRequest,
  LegEvent,
  ListenOptions,
  MachineDetectionOptions,
  PlayMedia,
  PromptResult,
  RecordingOrder,
  ReferAnswer,
  DialTarget,
  StatusCallback,
  StreamOrder,
  TranscriptionOrder,
  WhichStream,
  WhichTranscription,
} from '../ports.ts';
import type { ConferenceCommand, ConferenceNews } from '../conferences/conference-io.ts';
import type { QueueNews, QueueWish } from '../queues/queue-io.ts';
import type { LegState } from '../machine/call-state.ts';
import type { PromptRequest } from '../machine/call-effect.ts';
import type { ProgramResult } from '../twiml/document.ts';

export type StringParams = Readonly<Record<string, string>>;

/** What a verb may look at. Read-only facts of the call at this step. */
export interface VerbContext {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly accountSid: string;
  readonly callSid: string;
  /** The leg that the verb runs for: the caller's, or that of the side program. `callSid` is its sid. */
  readonly root: LegState;
  /** How earlier verbs want an unanswered caller turned away. */
  readonly refusal: EndRequest | undefined;
  /** A dialled leg of this verb, ended ones included. */
  leg(callSid: string): LegState | undefined;
  /** Sid of the n-th leg of this run of the verb, the same each time. */
  legSid(n: number): string;
  /** Sid of the n-th recording of this run of the verb, the same each time. */
  recordingSid(n: number): string;
  /** Sid of the n-th stream of this run of the verb, the same each time. */
  streamSid(n: number): string;
  /** Sid of the n-th transcription of this run of the verb, the same each time. */
  transcriptionSid(n: number): string;
  /** Where a recording is to be had. */
  recordingUrl(recordingSid: string): string;
  /** An address of the document made absolute; undefined when it cannot be. An empty one is the document's own. */
  resolve(reference: string): string | undefined;
}

export type VerbInput =
  /** The caller's leg or one the verb placed. */
  | { readonly kind: 'leg'; readonly event: LegEvent }
  | { readonly kind: 'prompt-ready'; readonly result: PromptResult }
  /** What the application said to a `fetch` of the verb's. */
  | { readonly kind: 'fetched'; readonly result: ProgramResult }
  | { readonly kind: 'timer'; readonly name: string }
  /** From the conference or the queue that the verb put the call into. */
  | { readonly kind: 'conference'; readonly news: ConferenceNews }
  | { readonly kind: 'queue'; readonly news: QueueNews }
  /** A side program of the verb's is over by itself; never told of one that was stopped or whose leg ended. */
  | { readonly kind: 'side-ended'; readonly name: string; readonly callSid: string; readonly outcome: SideOutcome };

/** How a side program ended. What comes of it is the owner's to decide: its leg is as it was. */
export type SideOutcome =
  /** Its last verb is done. */
  | { readonly kind: 'completed' }
  /** It said Hangup or Reject. */
  | { readonly kind: 'hang-up'; readonly request: EndRequest }
  /** It said Leave. */
  | { readonly kind: 'leave' }
  /** It could not be had: no answer, no document, or a redirect loop. Event and log have told of it. */
  | { readonly kind: 'failed'; readonly code: number; readonly message: string };

/** A transfer, as its events tell it. */
export interface TransferFacts {
  readonly target: string;
  readonly kind: 'blind' | 'attended';
  readonly by: 'party' | 'application';
  readonly otherCallSid?: string;
}

/** What a verb may ask for. Names of timers and playbacks are its own; another run's never reach it. */
export type VerbEffect =
  | { readonly kind: 'answer' }
  | { readonly kind: 'play'; readonly name: string; readonly media: PlayMedia }
  | { readonly kind: 'stop-play'; readonly name: string }
  | { readonly kind: 'prompt'; readonly request: PromptRequest }
  | {
      readonly kind: 'place';
      readonly callSid: string;
      readonly target: DialTarget;
      readonly from: string;
      readonly to: string;
      readonly timeoutMs: number;
      readonly statusCallback: StatusCallback | undefined;
    }
  | { readonly kind: 'end'; readonly callSid: string; readonly request: EndRequest }
  | { readonly kind: 'merge'; readonly peerCallSid: string }
  | { readonly kind: 'send-digits'; readonly callSid: string; readonly digits: string }
  | { readonly kind: 'record'; readonly callSid: string; readonly order: RecordingOrder }
  | { readonly kind: 'stop-recording'; readonly callSid: string; readonly recordingSid: string }
  /** A media stream of the leg that the verb runs for; goes on until it is stopped or the leg ends. */
  | { readonly kind: 'stream'; readonly order: StreamOrder }
  | { readonly kind: 'stop-stream'; readonly which: WhichStream }
  /** Writes down what is said on the leg that the verb runs for, until it is stopped or the leg ends. */
  | { readonly kind: 'transcribe'; readonly order: TranscriptionOrder }
  | { readonly kind: 'stop-transcription'; readonly which: WhichTranscription }
  | { readonly kind: 'stop-started-recordings' }
  /** Listens to the leg that the verb runs for; stopped by the verb itself. */
  | { readonly kind: 'listen'; readonly name: string; readonly options: ListenOptions }
  | { readonly kind: 'stop-listen'; readonly name: string }
  | { readonly kind: 'detect-machine'; readonly callSid: string; readonly options: MachineDetectionOptions }
  | { readonly kind: 'parked'; readonly targets: readonly string[] }
  | { readonly kind: 'warning'; readonly code: number; readonly message: string }
  | { readonly kind: 'start-timer'; readonly name: string; readonly delayMs: number }
  | { readonly kind: 'stop-timer'; readonly name: string }
  /** Tells the application without waiting for what it says. */
  | {
      readonly kind: 'notify';
      readonly request: Pick<InstructionRequest, 'url' | 'method' | 'params'>;
      /** The leg that it tells of (default: the one that the verb runs for). */
      readonly about?: string;
    }
  /** Asks the application while the verb goes on. `about`: the leg that the request tells of. */
  | {
      readonly kind: 'fetch';
      readonly name: string;
      readonly about: string;
      readonly request: Pick<InstructionRequest, 'url' | 'method' | 'params'>;
    }
  | { readonly kind: 'answer-refer'; readonly referId: string; readonly answer: ReferAnswer }
  /** Asks the caller's SIP peer to call somebody else in our place. */
  | { readonly kind: 'refer'; readonly uri: string }
  /**
   * Starts a side program: a document that runs beside this verb, on the caller's leg (wait URL) or on a dialled one
   * (whisper), with verb executions, timers and playbacks of its own. A `side-ended` input follows when it is over by
   * itself. It replaces the one of the same name, and is stopped with the verb, or when its leg ends. A leg plays one
   * thing at a time: the verb plays nothing on it meanwhile. Ignored for a leg that has ended.
   */
  | {
      readonly kind: 'start-side';
      /** Name in `side-ended` and in the events of its verbs (`wait`, `whisper`). */
      readonly name: string;
      readonly callSid: string;
      /** Absolute address; `params` go with this request, those of {@link Verb.sideParams} with all of its requests. */
      readonly request: { readonly url: string; readonly method: 'GET' | 'POST'; readonly params?: StringParams };
      /** Verbs that it may use; others are skipped with a warning. */
      readonly verbs: readonly string[];
    }
  | { readonly kind: 'stop-side'; readonly name: string }
  | { readonly kind: 'conference'; readonly command: ConferenceCommand }
  | { readonly kind: 'queue'; readonly wish: QueueWish }
  /** The call outlives the caller's leg from now on, and ends with this one. */
  | { readonly kind: 'lead'; readonly callSid: string }
  /** This leg takes the caller's place for good: instructions run for it, what is left of the document is dropped. */
  | { readonly kind: 'hand-over'; readonly callSid: string }
  | {
      readonly kind: 'transfer-requested';
      readonly callSid: string;
      readonly facts: TransferFacts;
      readonly referredBy: string | undefined;
    }
  | {
      readonly kind: 'transferred';
      readonly callSid: string;
      readonly facts: TransferFacts;
      readonly newCallSid: string | undefined;
    }
  | {
      readonly kind: 'transfer-failed';
      readonly callSid: string;
      readonly facts: TransferFacts;
      readonly sipStatus: number | undefined;
      readonly message: string;
    };

/** Where the call goes after a verb. */
export type VerbNext =
  | { readonly kind: 'continue' }
  | {
      readonly kind: 'fetch';
      readonly url: string;
      readonly method: 'GET' | 'POST';
      readonly params: Readonly<Record<string, string>>;
    }
  /** A document that the verb has fetched. */
  | { readonly kind: 'run'; readonly result: Extract<ProgramResult, { ok: true }> }
  | { readonly kind: 'end'; readonly request: EndRequest }
  /** Ends a side program with outcome `leave`; in the main document the next verb runs. */
  | { readonly kind: 'leave' };

export type VerbStep<M> =
  | { readonly kind: 'running'; readonly memory: M; readonly effects: readonly VerbEffect[] }
  | {
      readonly kind: 'done';
      /** A word for call.verb-ended. */
      readonly outcome: string;
      readonly effects: readonly VerbEffect[];
      readonly next: VerbNext;
      /** How to turn the caller away if it is not answered and the instructions end with this verb. */
      readonly refusal?: EndRequest;
    };

/** Why a verb is taken from the call, and how the legs it placed are to be ended. */
export interface VerbStop {
  readonly reason: 'caller-hung-up' | 'updated' | 'failed';
  readonly request: EndRequest;
}

/**
 * One verb: pure functions of its own memory. Everything the rest of the router knows of a verb is this interface and
 * its row in table.ts.
 */
export interface Verb<V extends { readonly verb: string }, M> {
  /** Whether the caller's leg has to be answered before the verb starts. */
  needsAnswer(verb: V): boolean;
  start(verb: V, context: VerbContext): VerbStep<M>;
  step(memory: M, input: VerbInput, context: VerbContext): VerbStep<M>;
  /** Undoes what is under way. Timers and playbacks are stopped by the interpreter. */
  stop(memory: M, stop: VerbStop, context: VerbContext): readonly VerbEffect[];
  /** The caller's leg is about to end: true when the verb goes on without it. It hears of the end and hands the call over. */
  outlivesCaller?(memory: M): boolean;
  /** Parameters of every request that a side program of this verb makes. */
  sideParams?(memory: M, name: string, context: VerbContext): StringParams;
  /** Whether it answers a far end's wish to transfer (default: refused). */
  readonly takesRefer?: boolean;
}

export const proceed: VerbNext = { kind: 'continue' };

export function running<M>(memory: M, ...effects: readonly VerbEffect[]): VerbStep<M> {
  return { kind: 'running', memory, effects };
}

export function done<M>(outcome: string, next: VerbNext = proceed, ...effects: readonly VerbEffect[]): VerbStep<M> {
  return { kind: 'done', outcome, next, effects };
}

export function warning(message: string, code = 12_200): VerbEffect {
  return { kind: 'warning', code, message };
}
