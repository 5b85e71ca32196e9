import type { SippCounts } from '../load/sipp-load.ts';
import type { Outcome } from './ports.ts';

/** Sums the runs of a batch; says on standard error which kind of call failed. */
export function outcomeOf(
  results: readonly Pick<SippCounts, 'created' | 'successful'>[],
  names: readonly string[],
): Outcome {
  if (results.some(({ created, successful }) => successful < created)) {
    const bad = results.map(
      ({ created, successful }, index) => `${names[index] ?? ''} ${created - successful}/${created}`,
    );
    process.stderr.write(`soak: failed: ${bad.join(', ')}\n`);
  }
  return {
    placed: results.reduce((sum, { created }) => sum + created, 0),
    failed: results.reduce((sum, { created, successful }) => sum + created - successful, 0),
  };
}
