import type { CapacityDecision, CapacityStore, LoadDay } from './ports.ts';

/** Keeps history for as long as the process lives. */
export class MemoryCapacityStore implements CapacityStore {
  readonly #days = new Map<number, LoadDay>();
  readonly #decisions = new Map<number, CapacityDecision>();

  days(): Promise<readonly LoadDay[]> {
    return Promise.resolve([...this.#days.values()]);
  }

  saveDay(day: LoadDay): Promise<void> {
    this.#days.set(day.day, day);
    return Promise.resolve();
  }

  removeDay(day: number): Promise<void> {
    this.#days.delete(day);
    return Promise.resolve();
  }

  decisions(): Promise<readonly CapacityDecision[]> {
    return Promise.resolve([...this.#decisions.values()]);
  }

  saveDecision(slot: number, decision: CapacityDecision): Promise<void> {
    this.#decisions.set(slot, decision);
    return Promise.resolve();
  }
}
