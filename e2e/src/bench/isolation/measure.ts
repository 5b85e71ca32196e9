import { median, percentile } from '../result.ts';
import type { Nuisance, Quiet } from './ports.ts';

export interface Round {
  readonly before_p99_ms: number;
  readonly during_p99_ms: number;
}

export interface Disturbed {
  /** Median over the rounds of the 99th percentile during over the one before, of the same round. */
  readonly ratio: number;
  readonly rounds: readonly Round[];
}

const p99 = async (quiet: Quiet): Promise<number> => percentile(await quiet.series(), 0.99) ?? NaN;

/** Each round: the quiet ones alone, then the same while it goes on. By what is timed. */
export async function disturbed(
  nuisance: Nuisance,
  quiet: readonly Quiet[],
  rounds: number,
): Promise<Record<string, Disturbed>> {
  const taken = new Map<string, Round[]>(quiet.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const one of quiet) {
      const before = await p99(one);
      const end = await nuisance.begin();
      const during = await p99(one);
      await end();
      taken.get(one.name)?.push({ before_p99_ms: before, during_p99_ms: during });
    }
  }
  return Object.fromEntries([...taken].map(([name, of]) => [name, { ratio: ratioOf(of), rounds: of }]));
}

const ratioOf = (rounds: readonly Round[]): number =>
  Math.round(median(rounds.map((each) => each.during_p99_ms / each.before_p99_ms)) * 100) / 100;
