import { MachineRunner, TimerSet } from '../../kernel/index.ts';
import {
  LEAST_INTERVAL,
  agreeAsServer,
  agreedAsClient,
  parseMinSe,
  parseSessionExpires,
  sessionTimerMachine,
} from '../dialog/index.ts';
import type {
  SessionTimerEffect,
  SessionTimerInput,
  SessionTimerName,
  SessionTimerPolicy,
  SessionTimerState,
} from '../dialog/index.ts';
import type { HeaderPair, SipRequest, SipResponse } from '../message/index.ts';
import type { ResponseParts } from '../transaction/index.ts';
import type { SessionTimerOptions } from './api.ts';
import type { Core } from './core.ts';
import { knowsOption } from './peer-facts.ts';

export interface SessionTimerHooks {
  /** Send a refresh; tell `failed` when it was refused. */
  readonly refresh: () => void;
  /** Nobody refreshed in time. */
  readonly expired: () => void;
}

/** Longest Min-SE that is followed: a peer that wants more has its call refused. Seconds. */
const MOST_MIN_SE = 86_400;

/** The session timer of one call (RFC 4028): what goes into its requests and 2xx, and the timers themselves. */
export class SessionTimer {
  readonly #core: Core;
  readonly #policy: SessionTimerPolicy | undefined;
  /** The greatest Min-SE heard in a 422: all later requests of the call carry it (section 7.4). */
  #minimum: number;
  #hooks: SessionTimerHooks | undefined;
  #timers: TimerSet<SessionTimerName> | undefined;
  #runner: MachineRunner<SessionTimerState, SessionTimerInput, SessionTimerEffect> | undefined;

  /** @param wished in place of the user agent's own times; without session timers there it changes nothing */
  constructor(core: Core, wished: SessionTimerOptions = {}) {
    this.#core = core;
    const { sessionTimer } = core.features;
    this.#policy = sessionTimer === undefined ? undefined : { ...sessionTimer, ...wished };
    this.#minimum = this.#policy?.minimum ?? LEAST_INTERVAL;
  }

  /** The call was answered: from now on what is agreed counts. */
  attach(hooks: SessionTimerHooks): void {
    this.#hooks = hooks;
  }

  /** For an INVITE or UPDATE of ours: Session-Expires and Min-SE. */
  requestHeaders(): HeaderPair[] {
    if (this.#policy === undefined) return [];
    const state = this.#runner?.state;
    const interval = Math.max(state?.name === 'running' ? state.interval : this.#policy.interval, this.#minimum);
    // Section 7.4: who refreshes stays who he is; in the first request the choice is the peer's.
    const role = state?.name === 'running' ? `;refresher=${state.refresher === 'self' ? 'uac' : 'uas'}` : '';
    return [
      ['Session-Expires', `${String(interval)}${role}`],
      ...(this.#minimum > LEAST_INTERVAL ? [['Min-SE', String(this.#minimum)] as const] : []),
    ];
  }

  /** The 422 to a request of the peer whose interval is too small; undefined when it is not. */
  refusal(request: SipRequest): ResponseParts | undefined {
    const verdict = this.#judge(request);
    return verdict?.kind === 'too-small' ? { status: 422, headers: [['Min-SE', String(verdict.minimum)]] } : undefined;
  }

  /** For our 2xx to an INVITE or UPDATE of the peer. Starts the timer anew. */
  accept(request: SipRequest): HeaderPair[] {
    const verdict = this.#judge(request);
    if (verdict?.kind !== 'on') return [];
    this.#dispatch({ kind: 'agreed', ...verdict.agreed });
    const header: HeaderPair = ['Session-Expires', verdict.header];
    return verdict.required ? [['Require', 'timer'], header] : [header];
  }

  /** A 2xx to an INVITE or UPDATE of ours. */
  accepted(response: SipResponse): void {
    if (this.#policy === undefined) return;
    const agreed = agreedAsClient(parseSessionExpires(response.headers.get('session-expires')));
    this.#dispatch(agreed === undefined ? { kind: 'none' } : { kind: 'agreed', ...agreed });
  }

  /** A 422 to a request of ours. True: with the new {@link requestHeaders} it may be tried again. */
  raise(response: SipResponse): boolean {
    const minimum = parseMinSe(response.headers.get('min-se'));
    if (this.#policy === undefined || minimum === undefined || minimum <= this.#minimum || minimum > MOST_MIN_SE)
      return false;
    this.#minimum = minimum;
    return true;
  }

  /** A refresh of ours was refused and the call is still up. */
  failed(): void {
    this.#runner?.dispatch({ kind: 'failed' });
  }

  close(): void {
    this.#hooks = undefined;
    this.#timers?.close();
  }

  #judge(request: SipRequest): ReturnType<typeof agreeAsServer> | undefined {
    if (this.#policy === undefined) return undefined;
    return agreeAsServer(this.#policy, {
      expires: parseSessionExpires(request.headers.get('session-expires')),
      minimum: parseMinSe(request.headers.get('min-se')),
      supported: knowsOption(request, 'timer'),
    });
  }

  #dispatch(input: SessionTimerInput): void {
    if (this.#hooks === undefined) return;
    this.#runner ??= this.#create();
    this.#runner.dispatch(input);
  }

  #create(): MachineRunner<SessionTimerState, SessionTimerInput, SessionTimerEffect> {
    const timers = new TimerSet<SessionTimerName>(this.#core.clock, (name) => {
      this.#runner?.dispatch({ kind: 'timer', name });
    });
    this.#timers = timers;
    return new MachineRunner({
      machine: sessionTimerMachine,
      initial: { name: 'off' },
      perform: (effect) => {
        if (timers.perform(effect)) return;
        if (effect.kind === 'refresh') this.#hooks?.refresh();
        else this.#hooks?.expired();
      },
    });
  }
}
