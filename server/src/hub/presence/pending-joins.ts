interface Waiting {
  readonly counted: readonly string[];
  readonly resolve: () => void;
}

/** Memberships that the view does not show yet: they count for limits, and somebody waits for them. */
export class PendingJoins {
  readonly #waiting = new Map<string, Waiting>();
  readonly #counts = new Map<string, number>();

  count(accountSid: string, topic?: string): number {
    return this.#counts.get(topic === undefined ? accountSid : `${accountSid} ${topic}`) ?? 0;
  }

  /** @returns resolves when it is settled */
  add(id: string, accountSid: string, topic: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const counted = [accountSid, `${accountSid} ${topic}`];
    this.#waiting.set(id, { counted, resolve });
    for (const name of counted) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    return promise;
  }

  settle(id: string): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    for (const name of waiting.counted) {
      const left = (this.#counts.get(name) ?? 1) - 1;
      if (left === 0) this.#counts.delete(name);
      else this.#counts.set(name, left);
    }
    waiting.resolve();
  }

  settleAll(): void {
    for (const id of [...this.#waiting.keys()]) this.settle(id);
  }
}
