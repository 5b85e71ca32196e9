import type { Flights } from './ports.ts';

/** Flights of one process; several layers may share one in tests. */
export class MemoryFlights implements Flights {
  readonly #running = new Map<string, Promise<void>>();

  async run(key: string, work: () => Promise<void>): Promise<'led' | 'followed'> {
    const running = this.#running.get(key);
    if (running !== undefined) {
      await running.catch(() => undefined);
      return 'followed';
    }
    const flight = work().finally(() => {
      this.#running.delete(key);
    });
    this.#running.set(key, flight);
    await flight;
    return 'led';
  }

  close(): void {
    this.#running.clear();
  }
}
