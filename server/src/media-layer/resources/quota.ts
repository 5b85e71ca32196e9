import type { Clock, Log } from '../../kernel/index.ts';
import { SingleFlight, describeError } from '../../kernel/index.ts';
import type { Housekeeping } from './housekeeping.ts';
import type { Allowance } from './ports.ts';

export interface QuotaOptions {
  readonly housekeeping: Housekeeping;
  readonly clock: Clock;
  readonly log: Log;
  /** What an account may keep, bytes; asked each time, so that a change holds at once. */
  readonly limitOf: (accountSid: string) => number;
}

/** What others stored is looked up again after this, milliseconds. */
const KNOWN_MS = 60_000;

/**
 * What accounts may keep. An account that is full loses what it did not use for longest; what is larger than all of it is not kept.
 * Processes learn of each other's storing within a minute: for so long an account may be over by what they store.
 */
export class Quota implements Allowance {
  readonly #options: QuotaOptions;
  readonly #known = new Map<string, { bytes: number; readonly at: number }>();
  readonly #looks = new SingleFlight<string, { bytes: number; readonly at: number }>();

  constructor(options: QuotaOptions) {
    this.#options = options;
  }

  async admit(accountSid: string, bytes: number): Promise<boolean> {
    const limit = this.#options.limitOf(accountSid);
    if (bytes > limit) return false;
    const known = await this.#usage(accountSid);
    known.bytes += bytes;
    if (known.bytes <= limit) return true;
    const left = await this.#options.housekeeping.makeRoom(accountSid, limit - bytes);
    known.bytes = left + bytes;
    if (left + bytes <= limit) return true;
    known.bytes -= bytes;
    this.#options.log.warn(
      { accountSid, limit },
      'media: the uploads of an account fill its quota, nothing else is kept',
    );
    return false;
  }

  async #usage(accountSid: string): Promise<{ bytes: number }> {
    const { clock, housekeeping } = this.#options;
    const known = this.#known.get(accountSid);
    if (known !== undefined && clock.monotonic() - known.at < KNOWN_MS) return known;
    return await this.#looks.run(accountSid, async () => {
      const at = clock.monotonic();
      const usage = await housekeeping.usage(accountSid).catch((error: unknown) => {
        this.#options.log.warn({ reason: describeError(error) }, 'media: what an account keeps could not be looked up');
        return { bytes: known?.bytes ?? 0 };
      });
      const looked = { bytes: usage.bytes, at };
      this.#known.set(accountSid, looked);
      return looked;
    });
  }
}
