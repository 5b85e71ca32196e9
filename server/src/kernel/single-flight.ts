/** Concurrent calls with one key share one run of the work; its result or error goes to all of them. Nothing is kept after. */
export class SingleFlight<K, V> {
  readonly #flights = new Map<K, Promise<V>>();

  /** Keys being worked on. */
  get size(): number {
    return this.#flights.size;
  }

  run(key: K, work: () => Promise<V>): Promise<V> {
    const running = this.#flights.get(key);
    if (running !== undefined) return running;
    const flight = work().finally(() => {
      this.#flights.delete(key);
    });
    this.#flights.set(key, flight);
    return flight;
  }
}
