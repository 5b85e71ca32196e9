import type { Clock, Log, Random } from '../../kernel/index.ts';
import type { Pacer } from '../playout/pacer.ts';
import type { HandOverOptions } from './hand-over-runner.ts';

/** What every room and leg of a process shares. */
export interface MediaContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly pacer: Pacer;
  /** After how long without media a leg is reported `silent`, milliseconds. */
  readonly silentAfterMs: number;
  /** After how long of media that holds no sound a leg is reported `quiet`, milliseconds (default 30 s). */
  readonly quietAfterMs?: number | undefined;
  /** Settings of the hand-over of bridged phones to the worker; undefined: their audio stays in Node. */
  readonly handOver?: HandOverOptions | undefined;
}
