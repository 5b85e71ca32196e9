/** Sequences that are remembered, of each shard. */
const KEPT = 4096;

/** Which of a stream's newest sequences came live to this process, for whatever subscription. */
export class SeenSequences {
  readonly #kept = new Float64Array(KEPT);
  #highest = 0;

  /** 0 when none came. */
  get highest(): number {
    return this.#highest;
  }

  add(seq: number): void {
    this.#kept[seq % KEPT] = seq;
    if (seq > this.#highest) this.#highest = seq;
  }

  /** Whether every sequence with `after < seq < before` came. False too when that is not remembered any more. */
  covers(after: number, before: number): boolean {
    if (before - after > KEPT) return false;
    for (let seq = after + 1; seq < before; seq++) if (this.#kept[seq % KEPT] !== seq) return false;
    return true;
  }
}
