import { randomHex } from '../kernel/index.ts';
import type { Log, Random } from '../kernel/index.ts';
import type { ReferAnswer } from '../calls/ports.ts';
import type { ReceivedRefer } from '../sip/index.ts';

/**
 * REFERs of far ends that wait for their outcome. Each leaves with its final answer, or with its call: the transferor's
 * own leg may have ended long before (RFC 5057).
 */
export class ReferDesk {
  readonly #random: Random;
  readonly #log: Log;
  readonly #open = new Map<string, { readonly refer: ReceivedRefer; readonly rootSid: string }>();

  constructor(parts: { readonly random: Random; readonly log: Log }) {
    this.#random = parts.random;
    this.#log = parts.log;
  }

  /** For leak checks. */
  get size(): number {
    return this.#open.size;
  }

  /** @returns the id to answer under */
  take(refer: ReceivedRefer, rootSid: string): string {
    const referId = randomHex(this.#random, 8);
    this.#open.set(referId, { refer, rootSid });
    return referId;
  }

  answer(referId: string, answer: ReferAnswer): void {
    const refer = this.#open.get(referId)?.refer;
    if (refer === undefined) return;
    switch (answer.kind) {
      case 'accepted':
        refer.accept();
        return;
      case 'refused': {
        const { sipStatus, message } = answer;
        this.#open.delete(referId);
        this.#log.info({ target: refer.target.uri, sipStatus }, `transfer refused: ${message}`);
        refer.reject(sipStatus, { sipReason: { protocol: 'SIP', cause: sipStatus, text: message } });
        return;
      }
      case 'progress':
        if (answer.sipStatus >= 200) this.#open.delete(referId);
        refer.progress(answer.sipStatus);
    }
  }

  /** The call is over: what was not told yet came to nothing. */
  abandon(rootSid: string): void {
    for (const [referId, { refer, rootSid: owner }] of this.#open) {
      if (owner !== rootSid) continue;
      this.#open.delete(referId);
      refer.reject(487);
      refer.progress(487);
    }
  }
}
