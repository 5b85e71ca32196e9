import type {
  EndRequest,
  InstructionRequest,
  LegEvent,
  PlayMedia,
  PromptResult,
  DialTarget,
  StatusCallback,
} from '../ports.ts';
import type { LegState } from '../machine/call-state.ts';
import type { PromptRequest } from '../machine/call-effect.ts';

/** What a verb may look at. Read-only facts of the call at this step. */
export interface VerbContext {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly callSid: string;
  /** The caller's leg. */
  readonly root: LegState;
  /** How earlier verbs want an unanswered caller turned away. */
  readonly refusal: EndRequest | undefined;
  /** A dialled leg of this verb, ended ones included. */
  leg(callSid: string): LegState | undefined;
  /** Sid of the n-th leg of this run of the verb, the same each time. */
  legSid(n: number): string;
  /** An address of the document made absolute; undefined when it cannot be. An empty one is the document's own. */
  resolve(reference: string): string | undefined;
}

export type VerbInput =
  /** The caller's leg or one the verb placed. */
  | { readonly kind: 'leg'; readonly event: LegEvent }
  | { readonly kind: 'prompt-ready'; readonly result: PromptResult }
  | { readonly kind: 'timer'; readonly name: string };

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
  | { readonly kind: 'parked'; readonly targets: readonly string[] }
  | { readonly kind: 'warning'; readonly code: number; readonly message: string }
  | { readonly kind: 'start-timer'; readonly name: string; readonly delayMs: number }
  | { readonly kind: 'stop-timer'; readonly name: string }
  /** Tells the application without waiting for what it says. */
  | { readonly kind: 'notify'; readonly request: Pick<InstructionRequest, 'url' | 'method' | 'params'> };

/** Where the call goes after a verb. */
export type VerbNext =
  | { readonly kind: 'continue' }
  | {
      readonly kind: 'fetch';
      readonly url: string;
      readonly method: 'GET' | 'POST';
      readonly params: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'end'; readonly request: EndRequest };

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
