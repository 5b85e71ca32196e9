import { Turns, delay } from '../kernel/index.ts';
import type { Clock } from '../kernel/index.ts';
import { EventLogError } from './errors.ts';
import type { EventLog, HistoryRequest, LoggedEvent } from './ports.ts';
import { ColdScan } from './cold-scan.ts';
import { ScanReader } from './scan-reader.ts';

export interface ColdScansOptions {
  readonly log: EventLog;
  readonly clock: Clock;
  /** Scans under way at once in this process, over all streams (default 4). Others wait, and become fewer by it. */
  readonly maxScans?: number;
  /** Bytes of events that scans have read and readers have not taken yet (default 32 MiB). */
  readonly maxBytes?: number;
  /** How long scans wait for readers when that is reached, milliseconds; then the slowest have to begin again (default 250). */
  readonly patienceMs?: number;
  /** A scan begins: for a counter. */
  readonly onScan?: () => void;
}

/** The readers of one stream: those a scan serves, and those that wait for the next. */
interface Desk {
  readonly waiting: Set<ScanReader>;
  running: ColdScan | undefined;
}

/**
 * Reads history for all deliveries of this process. Readers of one stream share a scan, from the lowest position that one
 * of them asked for; who comes while it runs joins it when it has not passed him yet, else waits for the next. There is
 * one scan a stream, so that a thousand clients that come back together make two or three.
 *
 * Back-pressure: what was read and not taken is bounded in bytes; at the bound the scans wait a moment, then readers that
 * took nothing for the longest time are dropped from their scan. They notice nothing: their reading goes on with another
 * scan when they ask for more. So a reader that stands still keeps neither memory nor a scan.
 */
export class ColdScans {
  readonly #options: ColdScansOptions;
  readonly #desks = new Map<string, Desk>();
  /** Those that may hold events, a scan's or left over from one. */
  readonly #readers = new Set<ScanReader>();
  readonly #abort = new AbortController();
  readonly #turns: Turns;
  #running = 0;
  #bytes = 0;
  #relief: PromiseWithResolvers<void> | undefined;

  constructor(options: ColdScansOptions) {
    this.#options = options;
    this.#turns = new Turns(options.clock);
  }

  /** Scans under way. */
  get running(): number {
    return this.#running;
  }

  /** Bytes of events that are held for readers. */
  get heldBytes(): number {
    return this.#bytes;
  }

  /** As `EventLog.read`: `expired` as soon as retention overtook the reading, before anything behind the gap. */
  async *read(request: HistoryRequest): AsyncIterable<LoggedEvent> {
    const { to } = request;
    let after = request.from.seq;
    while (after < to.seq) {
      const reader = this.#join({ ...request, from: { ...request.from, seq: after } });
      try {
        for (;;) {
          const event = reader.take(this.#options.clock.monotonic());
          if (event !== undefined) {
            after = event.position.seq;
            yield event;
          } else if (reader.ended === undefined) {
            await reader.wait();
            await this.#turns.next();
          } else break;
        }
      } finally {
        this.#leave(reader);
      }
      if (reader.error !== undefined) throw reader.error as Error;
      after = Math.max(after, reader.covered);
    }
  }

  close(): void {
    this.#abort.abort(new Error('cold scans closed'));
    const error = new EventLogError('closed', 'the hub was closed');
    for (const reader of this.#readers) reader.end('failed', error);
    this.#desks.clear();
    this.#turns.close();
    this.#relief?.resolve();
  }

  #join(request: HistoryRequest): ScanReader {
    if (this.#abort.signal.aborted) throw new EventLogError('closed', 'the hub was closed');
    const stream = this.#options.log.streamOf(request.accountSid);
    const reader = new ScanReader({
      request,
      stream,
      since: this.#options.clock.monotonic(),
      onHeld: (bytes) => {
        this.#held(bytes);
      },
    });
    this.#readers.add(reader);
    let desk = this.#desks.get(stream);
    if (desk === undefined) this.#desks.set(stream, (desk = { waiting: new Set(), running: undefined }));
    if (desk.running?.admit(reader) !== true) desk.waiting.add(reader);
    this.#startScans();
    return reader;
  }

  #leave(reader: ScanReader): void {
    this.#readers.delete(reader);
    reader.end('left');
    const desk = this.#desks.get(reader.stream);
    desk?.waiting.delete(reader);
    desk?.running?.remove(reader);
    this.#forget(reader.stream);
  }

  #forget(stream: string): void {
    const desk = this.#desks.get(stream);
    if (desk?.waiting.size === 0 && desk.running === undefined) this.#desks.delete(stream);
  }

  /** Streams whose readers have waited longest come first: a desk goes behind the others when its scan ended. */
  #startScans(): void {
    for (const [stream, desk] of this.#desks) {
      if (this.#running >= (this.#options.maxScans ?? 4)) return;
      if (desk.running === undefined && desk.waiting.size > 0) void this.#scan(stream, desk);
    }
  }

  async #scan(stream: string, desk: Desk): Promise<void> {
    this.#running += 1;
    const scan = new ColdScan();
    desk.running = scan;
    try {
      // The turn's other askers come along.
      await Promise.resolve();
      scan.gather(desk.waiting);
      if (scan.readers.size > 0) this.#options.onScan?.();
      await scan.run(this.#options.log, () => this.#room());
    } catch (error) {
      scan.fail(error);
    }
    desk.running = undefined;
    this.#running -= 1;
    // Who wanted more than this scan had goes on with the next one.
    for (const reader of scan.readers) desk.waiting.add(reader);
    this.#desks.delete(stream);
    if (this.#abort.signal.aborted) return;
    if (desk.waiting.size > 0) this.#desks.set(stream, desk);
    this.#startScans();
  }

  #held(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#maxBytes / 2) this.#relief?.resolve();
  }

  get #maxBytes(): number {
    return this.#options.maxBytes ?? 32 * 1024 * 1024;
  }

  /** Resolves when scans may read on. */
  async #room(): Promise<void> {
    if (this.#bytes <= this.#maxBytes) return;
    const relief = (this.#relief ??= Promise.withResolvers<void>());
    const patience = new AbortController();
    const { clock, patienceMs = 250 } = this.#options;
    await Promise.race([relief.promise, delay(clock, patienceMs, patience.signal).catch(() => undefined)]);
    patience.abort();
    if (this.#relief === relief) this.#relief = undefined;
    if (this.#bytes > this.#maxBytes / 2) this.#shed();
  }

  #shed(): void {
    const readers = [...this.#readers].filter((reader) => reader.isHolding);
    readers.sort((a, b) => a.lastTaken - b.lastTaken);
    for (const reader of readers) {
      if (this.#bytes <= this.#maxBytes / 2) return;
      this.#desks.get(reader.stream)?.running?.remove(reader);
      reader.end('dropped');
    }
  }
}
