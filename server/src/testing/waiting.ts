/** Whoever waits until something observable becomes true. Whoever changes it calls {@link Waiting.wake}: nobody polls. */
export class Waiting {
  readonly #waiting = new Set<() => void>();

  /** Everybody looks again. */
  wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves once the condition is true; looks at once, and after each wake. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }
}
