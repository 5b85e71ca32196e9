import type { CallUse, StoredRequest } from '../ports.ts';

/** What calls of an application take, on average. */
export interface CallNeeds {
  readonly seconds: number;
  /** Legs at a time: channels of nodes. */
  readonly legs: number;
}

/** Which calls are alike, and what is to be expected of them before any has been seen. */
export interface ApplicationView {
  /** Calls of one name do the same. */
  nameOf(request: Pick<StoredRequest, 'accountSid' | 'order'>): string;
  /** Legs at a time, by a look at the name. */
  guessLegs(name: string): number;
}

/** A call of which nothing is known lasts so long, seconds. */
export const USUAL_SECONDS = 120;
/** The last so many calls count as much as all before them. */
const MEMORY = 20;
/** Applications that are remembered; the one that was not seen for longest is forgotten first. */
const MAX_APPLICATIONS = 5000;

interface Habit {
  readonly calls: number;
  readonly seconds: number;
  readonly legSeconds: number;
}

/** What the applications of calls do, as their calls have shown: how long they last, and how many legs they have meanwhile. */
export class ApplicationHabits {
  readonly #view: Pick<ApplicationView, 'guessLegs'>;
  readonly #habits = new Map<string, Habit>();

  constructor(view: Pick<ApplicationView, 'guessLegs'> = { guessLegs: () => 1 }) {
    this.#view = view;
  }

  /** A call of the application is over. */
  learn(name: string, { seconds, legSeconds }: CallUse): void {
    const before = this.#habits.get(name) ?? { calls: 0, seconds: 0, legSeconds: 0 };
    const calls = before.calls + 1;
    const weight = Math.max(1 / calls, 1 / MEMORY);
    const mixed = (was: number, is: number): number => was + (is - was) * weight;
    this.#habits.delete(name);
    this.#habits.set(name, {
      calls,
      seconds: mixed(before.seconds, seconds),
      legSeconds: mixed(before.legSeconds, legSeconds),
    });
    if (this.#habits.size <= MAX_APPLICATIONS) return;
    for (const oldest of this.#habits.keys()) {
      this.#habits.delete(oldest);
      break;
    }
  }

  of(name: string): CallNeeds {
    const habit = this.#habits.get(name);
    if (habit === undefined) return { seconds: USUAL_SECONDS, legs: this.#view.guessLegs(name) };
    return { seconds: habit.seconds, legs: habit.seconds > 0 ? habit.legSeconds / habit.seconds : 1 };
  }

  /** A call of these, on average. Undefined: there are none. */
  ofAll(calls: Iterable<readonly [name: string, count: number]>): CallNeeds | undefined {
    const sum = { calls: 0, seconds: 0, legs: 0 };
    for (const [name, count] of calls) {
      const { seconds, legs } = this.of(name);
      sum.calls += count;
      sum.seconds += count * seconds;
      sum.legs += count * legs;
    }
    return sum.calls === 0 ? undefined : { seconds: sum.seconds / sum.calls, legs: sum.legs / sum.calls };
  }
}
