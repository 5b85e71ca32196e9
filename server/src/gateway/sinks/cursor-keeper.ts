import type { Position } from '@hookswitch/shared';
import { delay } from '../../kernel/index.ts';
import type { Clock } from '../../kernel/index.ts';
import type { SinkCursor, SinkStore } from './ports.ts';

export interface CursorKeeperOptions {
  readonly sid: string;
  readonly fence: number;
  readonly store: SinkStore;
  readonly clock: Clock;
}

const RETRY_MS = 1000;

/** Where one sink stands, in memory and stored: one write at a time, always of the newest. */
export class CursorKeeper {
  readonly #options: CursorKeeperOptions;
  readonly #abort = new AbortController();
  #cursor: SinkCursor | undefined;
  #failingSince: number | undefined;
  #dirty = false;
  #writing: Promise<void> | undefined;

  constructor(options: CursorKeeperOptions) {
    this.#options = options;
  }

  /** As stored; undefined for a sink that never began. */
  async load(): Promise<SinkCursor | undefined> {
    const stored = await this.#options.store.cursor(this.#options.sid);
    this.#failingSince = stored?.failingSince;
    return stored;
  }

  /** Everything up to here is done. */
  reached(position: Position): void {
    const { epoch, seq } = position;
    if (this.#cursor?.position.epoch === epoch && this.#cursor.position.seq === seq) return;
    this.#set(position);
  }

  /** The same, without going back. */
  reachedAtLeast(position: Position): void {
    const now = this.#cursor?.position;
    if (now?.epoch !== position.epoch || position.seq > now.seq) this.#set(position);
  }

  succeeded(): void {
    if (this.#failingSince === undefined) return;
    this.#failingSince = undefined;
    if (this.#cursor !== undefined) this.#set(this.#cursor.position);
  }

  /** @returns since when nothing has been taken, epoch milliseconds */
  failed(): number {
    if (this.#failingSince === undefined) {
      this.#failingSince = this.#options.clock.now();
      if (this.#cursor !== undefined) this.#set(this.#cursor.position);
    }
    return this.#failingSince;
  }

  /** Resolves when the newest is stored, or cannot be now. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#writing;
  }

  #set(position: Position): void {
    const { fence } = this.#options;
    const failing = this.#failingSince === undefined ? {} : { failingSince: this.#failingSince };
    this.#cursor = { position, fence, ...failing };
    this.#dirty = true;
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
  }

  async #write(): Promise<void> {
    const { store, sid, clock } = this.#options;
    while (this.#dirty && this.#cursor !== undefined) {
      this.#dirty = false;
      try {
        await store.saveCursor(sid, this.#cursor);
      } catch {
        // Sent again after a restart, at the worst.
        if (this.#abort.signal.aborted) return;
        this.#dirty = true;
        await delay(clock, RETRY_MS, this.#abort.signal).catch(() => undefined);
      }
    }
  }
}
