import type { ClientTransaction } from './client.ts';

/** Which requests wait for an answer over which connection: when it goes, no answer will come (section 18.4). */
export class FlowIndex {
  readonly #waiting = new Map<string, Set<ClientTransaction>>();

  add(transaction: ClientTransaction): void {
    const { flow } = transaction;
    if (flow === undefined) return;
    const found = this.#waiting.get(flow);
    if (found === undefined) this.#waiting.set(flow, new Set([transaction]));
    else found.add(transaction);
  }

  remove(transaction: ClientTransaction): void {
    const { flow } = transaction;
    if (flow === undefined) return;
    const found = this.#waiting.get(flow);
    found?.delete(transaction);
    if (found?.size === 0) this.#waiting.delete(flow);
  }

  /** Tells them. Those that have been answered by a provisional response go on: the final one may come otherwise. */
  closed(flow: string, error: Error): void {
    const found = this.#waiting.get(flow);
    this.#waiting.delete(flow);
    if (found === undefined) return;
    for (const transaction of found) transaction.dispatch({ kind: 'transport-error', error });
  }
}
