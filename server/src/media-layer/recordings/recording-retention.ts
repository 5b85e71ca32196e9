import { delay, describeError } from '../../kernel/index.ts';
import type { Clock, Log } from '../../kernel/index.ts';
import type { RecordingStore } from '../ports.ts';

/** What is known of recordings beside their audio: the tables of records. */
export interface RecordedFacts {
  /** Finished recordings that began before this time, epoch milliseconds; at most `limit`, deleted ones not among them. */
  due(accountSid: string, before: number, limit: number): Promise<readonly string[]>;
  /** The recording shows as deleted, its transcriptions are gone. */
  remove(accountSid: string, recordingSid: string): Promise<void>;
}

export interface RecordingRetentionOptions {
  readonly facts: RecordedFacts;
  readonly files: Pick<RecordingStore, 'remove' | 'purge'>;
  /** Every account, and how long it keeps recordings; asked for at every sweep. */
  readonly accounts: () => Promise<readonly { readonly accountSid: string; readonly keepMs: number }[]>;
  readonly onRemoved: (count: number) => void;
  readonly clock: Clock;
  readonly log: Log;
}

const DAY_MS = 86_400_000;
/** After a start or a change of doer: calls come first. */
const SETTLE_MS = 60_000;
const AT_ONCE = 200;

/**
 * Removes recordings that are older than their account keeps them, with their transcriptions, once a day. One process of the
 * cluster does it ({@link run} is its duty); what one sweep leaves the next one takes.
 */
export class RecordingRetention {
  readonly #options: RecordingRetentionOptions;

  constructor(options: RecordingRetentionOptions) {
    this.#options = options;
  }

  /** Sweeps until the signal aborts; ends with it. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let wait = SETTLE_MS; !signal.aborted; wait = DAY_MS) {
      try {
        await delay(clock, wait, signal);
      } catch {
        return;
      }
      await this.sweep(signal);
    }
  }

  /** Looks at every account once. Never rejects: an account that cannot be looked at is left for the next time. @returns recordings removed */
  async sweep(signal?: AbortSignal): Promise<number> {
    const { accounts, clock, log, onRemoved } = this.#options;
    let removed = 0;
    try {
      for (const { accountSid, keepMs } of await accounts()) {
        if (signal?.aborted === true) break;
        removed += await this.#account(accountSid, clock.now() - keepMs, signal);
      }
    } catch (error) {
      log.warn({ reason: describeError(error) }, 'old recordings could not be looked for; they are tomorrow');
    }
    if (removed > 0) {
      onRemoved(removed);
      log.info({ removed }, 'recordings were older than their accounts keep them, and were removed');
    }
    return removed;
  }

  async #account(accountSid: string, before: number, signal: AbortSignal | undefined): Promise<number> {
    const { facts, files, log } = this.#options;
    let removed = 0;
    try {
      for (let last: string | undefined; ;) {
        const due = await facts.due(accountSid, before, AT_ONCE);
        // What cannot be removed is not tried for ever.
        if (due[0] === last) break;
        last = due[0];
        for (const recordingSid of due) {
          if (signal?.aborted === true) return removed;
          // The audio last: what was begun here is ended by the next sweep's purge.
          await facts.remove(accountSid, recordingSid);
          await files.remove(accountSid, recordingSid);
          removed++;
        }
        if (due.length < AT_ONCE) break;
      }
      // Audio that no table knows of any more.
      await files.purge(before, accountSid);
    } catch (error) {
      log.warn({ accountSid, reason: describeError(error) }, 'old recordings of an account were not removed');
    }
    return removed;
  }
}
