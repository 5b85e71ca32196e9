import { MachineRunner, TimerSet } from '../../kernel/index.ts';
import { parseSipfrag, parseSubscriptionState, referSubscriberMachine } from '../dialog/index.ts';
import type { SubscriberEffect, SubscriberInput, SubscriberState } from '../dialog/index.ts';
import type { SipRequest, SipResponse } from '../message/index.ts';
import type { ReferOptions, ReferResult } from './api.ts';
import type { Core } from './core.ts';

/** How long the peer may take to place the call when it names no end of its subscription. */
const LIMIT_MS = 300_000;
/** Grace on top of the end that the peer named, so that its last report is not missed. */
const GRACE_MS = 5000;

/** One REFER of ours and the reports about it. */
export class ReferSubscription {
  readonly result: Promise<ReferResult>;
  readonly #timers: TimerSet<'limit'>;
  readonly #runner: MachineRunner<SubscriberState, SubscriberInput, SubscriberEffect>;

  constructor(core: Core, options: Pick<ReferOptions, 'onProgress'>, over: () => void) {
    const { promise, resolve } = Promise.withResolvers<ReferResult>();
    this.result = promise;
    this.#timers = new TimerSet(core.clock, (name) => {
      this.#runner.dispatch({ kind: 'timer', name });
    });
    this.#runner = new MachineRunner({
      machine: referSubscriberMachine(LIMIT_MS),
      initial: { name: 'waiting', told: false },
      perform: (effect) => {
        if (this.#timers.perform(effect)) return;
        if (effect.kind === 'progress') core.guard('onProgress', () => options.onProgress?.(effect.report));
        else if (effect.kind === 'outcome') resolve(effect.outcome);
        else over();
      },
    });
  }

  answered(status: number, reason: string, response: SipResponse | undefined): void {
    const subscribed = !/^\s*false\b/i.test(response?.headers.get('refer-sub') ?? '');
    this.#runner.dispatch({ kind: 'response', status, reason, subscribed });
  }

  /** False when the NOTIFY cannot be read. */
  notified(request: SipRequest): boolean {
    const state = parseSubscriptionState(request.headers.get('subscription-state'));
    if (state === undefined) return false;
    const { terminated, expires } = state;
    const lifetimeMs = expires === undefined ? undefined : Math.min(expires * 1000, LIMIT_MS) + GRACE_MS;
    this.#runner.dispatch({ kind: 'notify', report: parseSipfrag(request.body), terminated, lifetimeMs });
    return true;
  }

  /** The dialog is gone. */
  lost(): void {
    this.#runner.dispatch({ kind: 'lost' });
    this.#timers.close();
  }
}
