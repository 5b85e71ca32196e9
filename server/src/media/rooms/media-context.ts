import type { Clock, Log, Random } from '../../kernel/index.ts';
import type { Pacer } from '../playout/pacer.ts';

/** What every room and leg of a process shares. */
export interface MediaContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly pacer: Pacer;
  /** After how long without media a leg is reported `silent`, milliseconds. */
  readonly silentAfterMs: number;
}
