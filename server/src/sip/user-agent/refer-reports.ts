import { MachineRunner, TimerSet } from '../../kernel/index.ts';
import { SIPFRAG_TYPE, formatSipfrag, referNotifierMachine } from '../dialog/index.ts';
import type { NotifierEffect, NotifierInput, NotifierState } from '../dialog/index.ts';
import type { CallDialog } from './call-dialog.ts';

/** How long the peer is told about the call that it asked for. */
const LIFETIME_MS = 180_000;

/** The reports on one REFER of the peer (RFC 3515 section 2.4.4). */
export class ReferReports {
  readonly #call: CallDialog;
  /** CSeq number of the REFER. */
  readonly #id: number;
  readonly #timers: TimerSet<'expire'>;
  readonly #runner: MachineRunner<NotifierState, NotifierInput, NotifierEffect>;
  readonly #endsAt: number;

  constructor(call: CallDialog, id: number, over: () => void) {
    this.#call = call;
    this.#id = id;
    this.#endsAt = call.core.clock.monotonic() + LIFETIME_MS;
    this.#timers = new TimerSet(call.core.clock, (name) => {
      this.dispatch({ kind: 'timer', name });
    });
    this.#runner = new MachineRunner({
      machine: referNotifierMachine(LIFETIME_MS),
      initial: { name: 'initial' },
      perform: (effect) => {
        if (this.#timers.perform(effect)) return;
        if (effect.kind === 'notify') this.#notify(effect);
        else over();
      },
    });
  }

  dispatch(input: NotifierInput): void {
    this.#runner.dispatch(input);
  }

  close(): void {
    this.#runner.dispatch({ kind: 'close' });
    this.#timers.close();
  }

  #notify({ report, state, cause }: NotifierEffect & { kind: 'notify' }): void {
    const left = Math.max(0, Math.ceil((this.#endsAt - this.#call.core.clock.monotonic()) / 1000));
    const end =
      state === 'terminated' ? `terminated;reason=${cause ?? 'noresource'}` : `active;expires=${String(left)}`;
    const headers = [
      ...this.#call.core.selfHeaders(),
      ['Event', `refer;id=${String(this.#id)}`] as const,
      ['Subscription-State', end] as const,
      ['Content-Type', `${SIPFRAG_TYPE};version=2.0`] as const,
    ];
    this.#call.send({ method: 'NOTIFY', headers, body: formatSipfrag(report) }, ({ status }) => {
      // RFC 6665 section 4.2.2: whatever is no 2xx ends the subscription.
      this.dispatch({ kind: 'answered', gone: status >= 300 });
    });
  }
}
