/** What the watch tells; each call is one event of the leg. */
export interface FlowListener {
  flowing(afterMs: number): void;
  silent(forMs: number): void;
  resumed(afterMs: number): void;
}

/**
 * Watches whether media comes from one side: up for the first time, silent, back again. Holds no timer; `check` is called
 * by the pacer.
 */
export class FlowWatch {
  readonly #listener: FlowListener;
  readonly #silentAfterMs: number;
  readonly #startedAt: number;
  #lastAt: number | undefined;
  /** Since when media is owed; undefined while the far end need not send. */
  #expectedSince: number | undefined;
  #silentSince: number | undefined;
  /** Until then silence is the far end's intention. */
  #excusedUntil = -Infinity;
  #isReady: boolean;
  #isFlowing = false;

  /** @param options.ready false while the path is not up for other reasons (DTLS); see `setReady` */
  constructor(
    options: { readonly now: number; readonly silentAfterMs: number; readonly ready: boolean },
    listener: FlowListener,
  ) {
    this.#startedAt = options.now;
    this.#silentAfterMs = options.silentAfterMs;
    this.#isReady = options.ready;
    this.#listener = listener;
  }

  get isFlowing(): boolean {
    return this.#isFlowing;
  }

  /** Milliseconds since the last packet; infinite before the first. */
  idleMs(now: number): number {
    return this.#lastAt === undefined ? Infinity : now - this.#lastAt;
  }

  /** A packet was accepted. */
  media(now: number): void {
    const silentSince = this.#silentSince;
    this.#lastAt = now;
    this.#silentSince = undefined;
    this.#rise(now);
    if (silentSince !== undefined && this.#expectedSince !== undefined) this.#listener.resumed(now - silentSince);
  }

  /** No media is owed for so long: the far end suppresses silence and says so. Ends a silence that was told. */
  excuse(now: number, forMs: number): void {
    const silentSince = this.#silentSince;
    this.#excusedUntil = Math.max(this.#excusedUntil, now + forMs);
    this.#silentSince = undefined;
    if (silentSince !== undefined && this.#expectedSince !== undefined) this.#listener.resumed(now - silentSince);
  }

  setReady(ready: boolean, now: number): void {
    this.#isReady = ready;
    this.#rise(now);
  }

  /** Whether the far end should be sending: false on hold. A change to true starts the time anew. */
  expect(expected: boolean, now: number): void {
    if (expected === (this.#expectedSince !== undefined)) return;
    this.#expectedSince = expected ? now : undefined;
    this.#silentSince = undefined;
  }

  check(now: number): void {
    if (this.#expectedSince === undefined || this.#silentSince !== undefined || now < this.#excusedUntil) return;
    const since = Math.max(this.#expectedSince, this.#lastAt ?? 0);
    if (now - since < this.#silentAfterMs) return;
    this.#silentSince = since;
    this.#listener.silent(now - since);
  }

  #rise(now: number): void {
    if (this.#isFlowing || !this.#isReady || this.#lastAt === undefined) return;
    this.#isFlowing = true;
    this.#listener.flowing(now - this.#startedAt);
  }
}
