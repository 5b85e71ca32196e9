import { MachineRunner, TimerSet, toError } from '../../kernel/index.ts';
import type { Clock, Log, Unsubscribe } from '../../kernel/index.ts';
import type { Pacer } from '../playout/pacer.ts';
import type { PathOwner, PathReason } from '../ports.ts';
import { handOverMachine, initialHandOver } from './hand-over.ts';
import type { HandOverEffect, HandOverInput, HandOverState, HandOverTimer, HandOverTiming } from './hand-over.ts';
import type { StrayLook } from './stray-alert.ts';

/** After so many looks at the worker that found nothing, every second one is left out: the call is a quiet one. */
const LOOKS_AT_FIRST = 10;

/** How often it is asked whether something speaks against a hand-over, in ticks of 20 ms; needs tell by themselves. */
const CHECK_TICKS = 5;

/** Settings of the hand-over, all with a default. */
export interface HandOverOptions {
  /** How long both parties must have been heard with nothing needing their audio, milliseconds (default 1000). */
  readonly settleMs?: number;
  /** A stay at the worker that is shorter makes the next settling twice as long, milliseconds (default 5000). */
  readonly calmMs?: number;
  /** How often the worker is asked whether both streams go on, milliseconds (default 1000; after ten of them half as often). */
  readonly pollMs?: number;
}

/** The steps of one hand-over: made by `prepare`, ended by `takeBack`. */
export interface LentPath {
  /** Changes over, in about a millisecond. */
  switchOver(): Promise<void>;
  /** Node has both directions when this returns; resolves when the rest is cleared away. Never rejects. */
  takeBack(): Promise<void>;
  /** What is wrong with it; undefined: nothing. */
  examine(): Promise<PathReason | undefined>;
  /** Whether the phone sends as a source that the worker does not know. */
  hasStrayed(): Promise<boolean>;
}

/** What the runner needs of the two legs. */
export interface HandOverPair {
  /** What speaks against the worker's having the port. @param isPlain it has it: Node cannot see whether media flows */
  obstacle(isPlain: boolean): PathReason | undefined;
  prepare(): Promise<LentPath>;
  report(owner: PathOwner, reason: PathReason): void;
  /** Asks whether this call is meant when the worker gets RTP of an unknown source. */
  onStray(look: StrayLook): Unsubscribe;
}

/** Runs the hand-over of one bridged pair of legs. Closed when they part. */
export class HandOverRunner {
  readonly #pair: HandOverPair;
  readonly #log: Log;
  readonly #runner: MachineRunner<HandOverState, HandOverInput, HandOverEffect>;
  readonly #timers: TimerSet<HandOverTimer>;
  readonly #removeTask: () => void;
  readonly #removeLook: Unsubscribe;
  readonly #pollTicks: number;
  #preparing: Promise<LentPath> | undefined;
  #path: LentPath | undefined;
  #ticks = 0;
  /** Looks at the worker since it has the audio. */
  #looks = 0;
  #isExamining = false;

  constructor(
    pair: HandOverPair,
    context: { readonly clock: Clock; readonly pacer: Pacer; readonly log: Log },
    options: HandOverOptions,
  ) {
    const timing: HandOverTiming = { settleMs: options.settleMs ?? 1000, calmMs: options.calmMs ?? 5000 };
    this.#pair = pair;
    this.#log = context.log;
    this.#pollTicks = Math.max(1, Math.round((options.pollMs ?? 1000) / 20));
    this.#timers = new TimerSet(context.clock, (name) => {
      // What may have changed without a word since the last check is not to be found out by the worker.
      this.check();
      this.#runner.dispatch({ kind: 'timer', name });
    });
    this.#runner = new MachineRunner({
      machine: handOverMachine(timing),
      initial: initialHandOver,
      perform: (effect) => {
        this.#perform(effect);
      },
    });
    this.#removeTask = context.pacer.add(() => {
      this.#tick();
    });
    this.#removeLook = pair.onStray(() => this.#lookForStray());
  }

  /** Something may have changed that speaks for or against it. When something does now, Node has the audio on return. */
  check(): void {
    const { phase } = this.#runner.state;
    const reason = this.#pair.obstacle(phase === 'plain');
    this.#runner.dispatch(reason === undefined ? { kind: 'fit' } : { kind: 'unfit', reason });
  }

  /** Node needs the port, at least for a moment, and has it on return. */
  interrupt(reason: PathReason): void {
    this.#runner.dispatch({ kind: 'unfit', reason });
  }

  close(): void {
    this.#runner.dispatch({ kind: 'close' });
    this.#removeTask();
    this.#removeLook();
    this.#timers.close();
  }

  #tick(): void {
    this.#ticks++;
    if (this.#ticks % CHECK_TICKS === 0) this.check();
    if (this.#runner.state.phase !== 'plain') this.#looks = 0;
    else if (this.#ticks % this.#pollTicks === 0) {
      this.#looks++;
      if (this.#looks <= LOOKS_AT_FIRST || this.#looks % 2 === 0) void this.#examine();
    }
  }

  async #examine(): Promise<void> {
    const path = this.#path;
    if (path === undefined || this.#isExamining) return;
    this.#isExamining = true;
    const reason = await path.examine().catch((): PathReason => 'failed');
    this.#isExamining = false;
    if (path === this.#path && reason !== undefined) this.interrupt(reason);
  }

  async #lookForStray(): Promise<boolean> {
    const path = this.#path;
    if (path === undefined || this.#runner.state.phase !== 'plain') return false;
    const hasStrayed = await path.hasStrayed().catch(() => false);
    if (path !== this.#path || !hasStrayed) return false;
    this.interrupt('source-changed');
    return true;
  }

  #perform(effect: HandOverEffect): void {
    if (this.#timers.perform(effect)) return;
    switch (effect.kind) {
      case 'prepare':
        void this.#prepare();
        break;
      case 'switch':
        void this.#settle(this.#path?.switchOver() ?? Promise.resolve(), 'switched');
        break;
      case 'take-back':
        void this.#takeBack();
        break;
      case 'report':
        this.#pair.report(effect.owner, effect.reason);
        break;
      default:
        break;
    }
  }

  async #prepare(): Promise<void> {
    const preparing = this.#pair.prepare();
    this.#preparing = preparing;
    const prepared = preparing.then((path) => {
      if (this.#preparing === preparing) this.#path = path;
    });
    await this.#settle(prepared, 'prepared', () => this.#preparing === preparing);
  }

  async #settle(work: Promise<void>, done: 'prepared' | 'switched', isWanted = () => true): Promise<void> {
    try {
      await work;
      if (isWanted()) this.#runner.dispatch({ kind: done });
    } catch (error) {
      this.#log.warn({ err: toError(error), step: done }, 'the audio of a call could not be handed to the worker');
      if (isWanted()) this.#runner.dispatch({ kind: 'failed' });
    }
  }

  async #takeBack(): Promise<void> {
    const [path, preparing] = [this.#path, this.#preparing];
    this.#path = undefined;
    this.#preparing = undefined;
    if (path !== undefined) await path.takeBack();
    else await preparing?.then((late) => late.takeBack()).catch(() => undefined);
    this.#runner.dispatch({ kind: 'returned' });
  }
}
