import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What a run found: nothing wrong, or it would have thrown. */
export interface FuzzReport {
  readonly subject: string;
  readonly seed: number;
  readonly inputs: number;
  /** What became of the inputs, counted. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Between the first tenth of the run and its end, garbage collected. */
  readonly heapGrowthKiB: number;
  readonly cpuSeconds: number;
}

export interface FuzzOptions {
  /** Equal seeds give equal inputs. */
  readonly seed: number;
  readonly inputs: number;
}

/** An input that was not taken as it must be; says how to get it again. */
export class FuzzFailure extends Error {
  constructor(where: { subject: string; seed: number; index: number; input: Buffer }, problem: unknown) {
    const what = problem instanceof Error ? (problem.stack ?? problem.message) : String(problem);
    super(
      `${where.subject}: seed ${where.seed}, input ${where.index}: ${what}\ninput in base64: ${where.input.toString('base64')}`,
    );
    this.name = 'FuzzFailure';
  }
}

/** More than this between the first tenth and the end is a leak, KiB. */
const MOST_GROWTH_KIB = 24_576;

/** Counts outcomes, measures heap and time. */
export class FuzzRun {
  readonly #options: FuzzOptions;
  readonly #subject: string;
  readonly #outcomes = new Map<string, number>();
  readonly #started = process.cpuUsage();
  #heapAtTenth = 0;

  constructor(subject: string, options: FuzzOptions) {
    this.#subject = subject;
    this.#options = options;
  }

  /** Runs `one` for every input; whatever it throws becomes a {@link FuzzFailure}. */
  async each(next: () => Buffer, one: (input: Buffer, index: number) => Promise<string> | string): Promise<void> {
    const { seed, inputs } = this.#options;
    for (let index = 0; index < inputs; index++) {
      if (index === Math.floor(inputs / 10)) this.#heapAtTenth = heapUsed();
      const input = next();
      try {
        const outcome = one(input, index);
        this.count(typeof outcome === 'string' ? outcome : await outcome);
      } catch (error) {
        throw new FuzzFailure({ subject: this.#subject, seed, index, input }, error);
      }
    }
  }

  count(outcome: string): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }

  /** @throws Error when the heap has grown */
  report(): FuzzReport {
    const heapGrowthKiB = Math.round((heapUsed() - this.#heapAtTenth) / 1024);
    const { user, system } = process.cpuUsage(this.#started);
    const outcomes = Object.fromEntries([...this.#outcomes].sort(([a], [b]) => a.localeCompare(b)));
    if (heapGrowthKiB > MOST_GROWTH_KIB)
      throw new Error(`${this.#subject}: the heap grew by ${heapGrowthKiB} KiB during the run`);
    return {
      subject: this.#subject,
      ...this.#options,
      outcomes,
      heapGrowthKiB,
      cpuSeconds: Math.round((user + system) / 1e4) / 100,
    };
  }
}

/** Bytes in use once the garbage is collected. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
