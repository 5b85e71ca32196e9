/** Packets this far behind the newest one are too old to be judged, so they are refused. RFC 3711 section 3.3.2 wants at least 64. */
export const WINDOW = 128;

/** Which indices of one stream were seen. `accept` only what was authenticated. */
export class ReplayWindow {
  readonly #seen = new Uint8Array(WINDOW);
  #highest = -1;

  /** The newest index accepted; -1 before the first. */
  get highest(): number {
    return this.#highest;
  }

  isFresh(index: number): boolean {
    if (index > this.#highest) return true;
    return this.#highest - index < WINDOW && this.#seen[index % WINDOW] === 0;
  }

  accept(index: number): void {
    if (index > this.#highest) {
      const from = Math.max(this.#highest + 1, index - WINDOW + 1);
      for (let skipped = from; skipped < index; skipped++) this.#seen[skipped % WINDOW] = 0;
      this.#highest = index;
    }
    this.#seen[index % WINDOW] = 1;
  }
}

/**
 * The 48-bit index that a sequence number stands for, given the newest one: RFC 3711 section 3.3.1 and appendix A. Negative
 * when it would lie before the start of the stream.
 */
export function estimateIndex(sequence: number, highest: number): number {
  if (highest < 0) return sequence;
  const last = highest % 65_536;
  const base = highest - last;
  if (last < 32_768) return sequence - last > 32_768 ? base - 65_536 + sequence : base + sequence;
  return last - 32_768 > sequence ? base + 65_536 + sequence : base + sequence;
}
