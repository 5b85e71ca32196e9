import type { Machine } from '../../kernel/index.ts';

/**
 * Whose offer is open in one dialog (RFC 3264, RFC 6337 section 2): at most one, and no answer without one.
 *
 * ```
 * idle ---send-offer--> offered --receive-answer--> agreed --(either offer)--> offered, asked
 *   \--receive-offer--> asked ----send-answer-----> agreed
 *                       drop: back to what was in force
 * ```
 */
export type OfferAnswerState =
  /** Nothing was agreed yet. */
  | { readonly name: 'idle' }
  | { readonly name: 'agreed' }
  /** Ours is open. */
  | { readonly name: 'offered'; readonly before: 'idle' | 'agreed' }
  /** The peer's is open. */
  | { readonly name: 'asked'; readonly before: 'idle' | 'agreed' };

export interface OfferAnswerInput {
  /** `drop`: the open offer was refused, withdrawn or lost with its transaction. */
  readonly kind: 'send-offer' | 'receive-offer' | 'send-answer' | 'receive-answer' | 'drop';
}

/**
 * Why an offer cannot be taken now: 491 when ours is open, 500 when the peer's is (RFC 3311 section 5.2); for our own
 * offers both mean that we have to wait. `unexpected`: an answer to nothing.
 */
export type OfferAnswerEffect =
  { readonly kind: 'refused'; readonly status: 491 | 500 } | { readonly kind: 'unexpected' };

const NONE: readonly OfferAnswerEffect[] = [];
const GLARE: readonly OfferAnswerEffect[] = [{ kind: 'refused', status: 491 }];
const BUSY: readonly OfferAnswerEffect[] = [{ kind: 'refused', status: 500 }];
const UNEXPECTED: readonly OfferAnswerEffect[] = [{ kind: 'unexpected' }];
const AGREED: OfferAnswerState = { name: 'agreed' };

export const offerAnswerMachine: Machine<OfferAnswerState, OfferAnswerInput, OfferAnswerEffect> = (state, { kind }) => {
  if (state.name === 'offered' || state.name === 'asked') {
    const ours = state.name === 'offered';
    switch (kind) {
      case 'send-offer':
      case 'receive-offer':
        return { state, effects: ours ? GLARE : BUSY };
      case 'drop':
        return { state: { name: state.before }, effects: NONE };
      case 'receive-answer':
        return ours ? { state: AGREED, effects: NONE } : { state, effects: UNEXPECTED };
      case 'send-answer':
        return ours ? { state, effects: UNEXPECTED } : { state: AGREED, effects: NONE };
    }
  }
  switch (kind) {
    case 'send-offer':
      return { state: { name: 'offered', before: state.name }, effects: NONE };
    case 'receive-offer':
      return { state: { name: 'asked', before: state.name }, effects: NONE };
    case 'drop':
      return { state, effects: NONE };
    case 'send-answer':
    case 'receive-answer':
      return { state, effects: UNEXPECTED };
  }
};
