/** Goodbyes under way: BYEs and CANCELs that a closing user agent still waits for, so that they are retransmitted. */
export class Farewells {
  readonly #open = new Set<symbol>();
  #idle: (() => void) | undefined;

  get size(): number {
    return this.#open.size;
  }

  /** One more. Call the result when the peer has answered, or never will; a second time does nothing. */
  begin(): () => void {
    const key = Symbol('farewell');
    this.#open.add(key);
    return () => {
      if (this.#open.delete(key) && this.#open.size === 0) this.#idle?.();
    };
  }

  /** Runs `idle` once nothing is under way: at once when nothing is. */
  whenIdle(idle: () => void): void {
    if (this.#open.size === 0) idle();
    else this.#idle = idle;
  }
}
