import { FairLimiter } from '../../kernel/index.ts';
import { PromptError } from '../prompt-error.ts';
import type { Voices } from '../resources/ports.ts';

export interface FairVoicesOptions {
  readonly voices: Voices;
  /** Texts spoken at once, two at least; an account has all but one of them. */
  readonly atOnce: number;
  /** Texts of one account that wait (default 64; more are refused). */
  readonly waiting?: number;
}

/** Voices that speak for accounts in turns: one account's flood of texts does not delay another's. */
export function fairVoices({ voices, atOnce, waiting = 64 }: FairVoicesOptions): Voices {
  const limiter = new FairLimiter({ atOnce, atOncePerAccount: Math.max(1, atOnce - 1), waiting });
  return {
    fingerprint: (request) => voices.fingerprint(request),
    async speak(request, accountSid, fingerprint) {
      const turn = limiter.turn(accountSid);
      if (turn === undefined) {
        throw new PromptError('busy', 'too many texts of this account are waiting to be spoken; try again');
      }
      const over = await turn;
      try {
        return await voices.speak(request, accountSid, fingerprint);
      } finally {
        over();
      }
    },
  };
}
