import type { EndRequest, InstructionResponse, LegEvent, PlaceRequest, PromptResult } from '../ports.ts';

/** A live change from outside; it interrupts the verb in progress. */
export type CallUpdate =
  | { readonly kind: 'redirect'; readonly url: string; readonly method: 'GET' | 'POST' }
  | { readonly kind: 'twiml'; readonly document: string }
  | { readonly kind: 'end'; readonly request: EndRequest };

/** Everything that can happen to a call. `at` on the machine's step is monotonic milliseconds. */
export type CallInput =
  /** An incoming call that was admitted. */
  | { readonly kind: 'start-incoming' }
  /** A call to place; instructions run when it is answered. */
  | { readonly kind: 'start-outgoing'; readonly place: PlaceRequest }
  | { readonly kind: 'leg'; readonly event: LegEvent }
  | { readonly kind: 'fetched'; readonly fetchId: string; readonly response: InstructionResponse }
  | { readonly kind: 'prompt-ready'; readonly promptId: string; readonly result: PromptResult }
  | { readonly kind: 'timer'; readonly name: string }
  /** `callSid`: the call itself, or (only `end`) one of its dialled legs. */
  | { readonly kind: 'update'; readonly callSid: string; readonly change: CallUpdate }
  /** A bug or an overflow: end everything at once. */
  | { readonly kind: 'crash'; readonly message: string };
