import { MachineRunner, TimerSet } from '../../kernel/index.ts';
import { parseRAck, reliableProvisionalsMachine } from '../dialog/index.ts';
import type { ReliableEffect, ReliableInput, ReliableState, ReliableTimer } from '../dialog/index.ts';
import type { SipRequest, SipResponse } from '../message/index.ts';
import { responseTo } from '../transaction/index.ts';
import type { ResponseParts, ServerTransaction } from '../transaction/index.ts';
import type { Core } from './core.ts';

/** One reliable response: what is in it, built when its turn comes. */
interface Item {
  readonly parts: ResponseParts;
  readonly withSdp: boolean;
  built: SipResponse | undefined;
}

/** What a PRACK has acknowledged: a response that described the session, or one that did not. */
export type Acknowledged = 'described' | 'plain';

/** The reliable provisional responses to one INVITE (RFC 3262 section 3). */
export class ReliableResponses {
  readonly #transaction: ServerTransaction;
  readonly #timers: TimerSet<ReliableTimer>;
  readonly #runner: MachineRunner<ReliableState<Item>, ReliableInput<Item>, ReliableEffect<Item>>;
  readonly #givenUp: () => void;
  /** Of the PRACK that is being taken. */
  #verdict: Acknowledged | 481 = 'plain';

  /** @param givenUp one was never acknowledged: the INVITE is to be refused */
  constructor(core: Core, transaction: ServerTransaction, givenUp: () => void) {
    this.#transaction = transaction;
    this.#givenUp = givenUp;
    this.#timers = new TimerSet(core.clock, (name) => {
      this.#runner.dispatch({ kind: 'timer', name });
    });
    this.#runner = new MachineRunner({
      machine: reliableProvisionalsMachine<Item>(core.layer.timers.t1),
      // Section 3: between 1 and 2^31 - 1, at random.
      initial: { name: 'clear', next: 1 + core.random.int(2 ** 31 - 1) },
      perform: (effect) => {
        this.#perform(effect);
      },
    });
  }

  /** Section 3: a 2xx must not go out while a response with SDP waits for its PRACK. */
  get holdsBack(): boolean {
    const { state } = this.#runner;
    return state.name === 'unacknowledged' && (state.item.withSdp || state.waiting.some(({ withSdp }) => withSdp));
  }

  send(parts: ResponseParts): void {
    this.#runner.dispatch({
      kind: 'send',
      item: { parts, withSdp: (parts.body?.length ?? 0) > 0, built: undefined },
    });
  }

  /** Takes the RAck of a PRACK. The status to refuse it with when it acknowledges nothing of ours. */
  take(prack: SipRequest): Acknowledged | 400 | 481 {
    const rack = parseRAck(prack.headers.get('rack'));
    if (rack === undefined) return 400;
    if (rack.cseq !== this.#transaction.request.cseq?.number || rack.method !== 'INVITE') return 481;
    this.#verdict = 'plain';
    this.#runner.dispatch({ kind: 'prack', sequence: rack.sequence });
    return this.#verdict;
  }

  /** A final response goes out. */
  stop(): void {
    this.#runner.dispatch({ kind: 'stop' });
    this.#timers.close();
  }

  #perform(effect: ReliableEffect<Item>): void {
    if (this.#timers.perform(effect)) return;
    switch (effect.kind) {
      case 'transmit':
        this.#transmit(effect.item, effect.sequence);
        return;
      case 'unmatched':
        this.#verdict = 481;
        return;
      case 'given-up':
        this.#givenUp();
        return;
      case 'acknowledged':
        this.#verdict = effect.item.withSdp ? 'described' : 'plain';
        return;
      case 'left-out':
        return;
    }
  }

  #transmit(item: Item, sequence: number): void {
    const { parts } = item;
    item.built ??= responseTo(this.#transaction.request, {
      ...parts,
      headers: [['Require', '100rel'], ['RSeq', String(sequence)], ...(parts.headers ?? [])],
    });
    this.#transaction.retransmit(item.built);
  }
}
