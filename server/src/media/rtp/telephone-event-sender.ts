import type { DtmfSendResult } from '../ports.ts';
import { eventOf } from './rfc4733.ts';
import type { TelephoneEvent } from './rfc4733.ts';

const TICK_MS = 20;
/** The packet that ends an event is sent three times, RFC 4733 section 2.5.1.4. */
const END_PACKETS = 3;
/** Presses and pauses waiting at most; what is beyond is cut off. */
const CAPACITY = 256;

type Step =
  | { readonly kind: 'tone'; readonly event: number; readonly ticks: number }
  | { readonly kind: 'pause'; readonly ticks: number }
  | { readonly kind: 'done'; readonly resolve: (result: DtmfSendResult) => void };

/** What a tick asks for. */
export interface EventTick {
  /** Send this now. */
  readonly send?: TelephoneEvent;
  /** The press is over: audio may flow again. */
  readonly ended?: boolean;
}

/** Queue of presses, played out tick by tick (20 ms). Pure apart from the promises it settles. */
export class TelephoneEventSender {
  #steps: Step[] = [];
  #elapsed = 0;

  get isIdle(): boolean {
    return this.#steps.length === 0;
  }

  /** Appends presses; `w` waits 500 ms, `W` 1 s, other characters are skipped. */
  enqueue(digits: string, options: { readonly toneMs?: number; readonly gapMs?: number }): Promise<DtmfSendResult> {
    const ticksOf = (ms: number): number => Math.max(1, Math.round(Math.min(ms, 6000) / TICK_MS));
    const [tone, gap] = [ticksOf(Math.max(40, options.toneMs ?? 100)), ticksOf(options.gapMs ?? 100)];
    for (const digit of digits) {
      if (this.#steps.length >= CAPACITY) break;
      const event = eventOf(digit);
      if (event !== undefined) this.#steps.push({ kind: 'tone', event, ticks: tone }, { kind: 'pause', ticks: gap });
      else if (digit === 'w') this.#steps.push({ kind: 'pause', ticks: ticksOf(500) });
      else if (digit === 'W') this.#steps.push({ kind: 'pause', ticks: ticksOf(1000) });
    }
    return new Promise((resolve) => {
      this.#steps.push({ kind: 'done', resolve });
    });
  }

  /** Every 20 ms. */
  tick(): EventTick {
    const step = this.#current();
    if (step === undefined) return {};
    this.#elapsed++;
    if (step.kind === 'pause') {
      if (this.#elapsed >= step.ticks) this.#next('sent');
      return {};
    }
    const end = this.#elapsed >= step.ticks;
    const ended = this.#elapsed === step.ticks + END_PACKETS - 1;
    const duration = Math.min(this.#elapsed, step.ticks) * 160;
    if (ended) this.#next('sent');
    return { send: { event: step.event, end, volume: 10, duration }, ended };
  }

  /** Drops what waits; its promises resolve as `stopped`. */
  stop(): void {
    while (this.#steps.length > 0) this.#next('stopped');
  }

  /** The first step that takes time; whoever waits for what came before it is told. */
  #current(): Exclude<Step, { kind: 'done' }> | undefined {
    for (let step = this.#steps[0]; step !== undefined; step = this.#steps[0]) {
      if (step.kind !== 'done') return step;
      this.#next('sent');
    }
    return undefined;
  }

  #next(result: DtmfSendResult): void {
    const step = this.#steps.shift();
    this.#elapsed = 0;
    if (step?.kind === 'done') step.resolve(result);
  }
}
