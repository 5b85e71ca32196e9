import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { REPOSITORY } from '../fixtures/server.ts';
import { checkHistory } from './check/index.ts';
import { Cluster } from './cluster.ts';
import type { Entry } from './history.ts';
import { MUTANTS } from './mutants.ts';
import { SeededRandom } from './random.ts';
import { runSeed } from './run-seed.ts';
import type { SeedResult } from './run-seed.ts';

const USAGE = `npm run chaos -- [--seeds N] [--first SEED] [--gateways N] [--keep] [--report FILE]

Runs a nats-server, a server and gateways, disturbs them while clients read and publish, and holds the recorded
histories to the hub's promises (docs/testing.md). One seed takes 10 to 30 s.

  --seeds N     how many (default 6)
  --first SEED  where they begin (default 1)
  --gateways N  default 2
  --keep        keep the histories of good runs too; those of bad ones are in .hookswitch/chaos
  --report FILE what passed and failed, as JSON
`;
/** Of a run's violations, as many are printed. */
const SHOWN = 8;

interface Tally {
  readonly name: string;
  applied: number;
  caught: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '6' },
      first: { type: 'string', default: '1' },
      gateways: { type: 'string', default: '2' },
      keep: { type: 'boolean', default: false },
      report: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const folder = join(REPOSITORY, '.hookswitch/chaos');
  await mkdir(folder, { recursive: true });
  const tallies = MUTANTS.map(({ name }): Tally => ({ name, applied: 0, caught: 0 }));
  const bad: SeedResult[] = [];
  const cluster = await Cluster.start(Number(values.gateways));
  try {
    const first = Number(values.first);
    for (let seed = first; seed < first + Number(values.seeds); seed++) {
      const file = join(folder, `seed-${seed}.jsonl`);
      const result = await runSeed(cluster, { seed, file });
      print(result);
      if (result.violations.length > 0) bad.push(result);
      else {
        mutate(result.entries, seed, tallies);
        if (!values.keep) await rm(file);
      }
    }
  } finally {
    await cluster.close();
  }
  const failures = [...bad.map((result) => lines(result).join('\n')), ...missed(tallies)];
  const passed = Number(values.seeds) - bad.length;
  if (values.report !== undefined) await writeFile(values.report, JSON.stringify({ passed, failures }));
  return summary(bad, { passed, failed: failures.length }, tallies);
}

function print(result: SeedResult): void {
  for (const line of lines(result)) console.log(line);
}

function lines({ seed, disturbances, violations, entries, caughtUpMs }: SeedResult): string[] {
  const count = (kind: Entry['kind']): number => entries.filter((entry) => entry.kind === kind).length;
  const told = entries.filter((entry) => 'recovered' in entry && !entry.recovered).length;
  const facts = [
    `${count('ack')} stored`,
    `${count('event')} delivered`,
    `${count('fault')} faults`,
    `${count('connected')} connections`,
    `${told} losses told`,
    `caught up in ${caughtUpMs} ms`,
  ];
  const verdict = violations.length === 0 ? 'ok  ' : 'FAIL';
  return [
    `${verdict} seed ${String(seed).padStart(3)}  ${disturbances.join('+').padEnd(16)} ${facts.join(', ')}`,
    ...violations
      .slice(0, SHOWN)
      .map(
        ({ promise, rule, session, at, message }) =>
          `       promise ${promise}, ${rule}: ${session ?? ''} at ${Math.round(at)}: ${message}`,
      ),
    ...(violations.length > SHOWN ? [`       and ${violations.length - SHOWN} more`] : []),
  ];
}

/** Known bugs put into a real history that had none: the checker has to see each. */
function mutate(entries: readonly Entry[], seed: number, tallies: readonly Tally[]): void {
  for (const [index, { apply, caughtBy }] of MUTANTS.entries()) {
    const tally = tallies[index];
    const mutated = apply(entries, new SeededRandom(seed));
    if (tally === undefined || mutated === undefined) continue;
    tally.applied++;
    if (checkHistory(mutated).some(({ rule }) => caughtBy.includes(rule))) tally.caught++;
  }
}

/** Mutants that the checker did not see. */
function missed(tallies: readonly Tally[]): string[] {
  return tallies
    .filter(({ applied, caught }) => caught < applied)
    .map(({ name, applied, caught }) => `the checker did not see the mutant "${name}": ${caught} of ${applied}`);
}

function summary(
  bad: readonly SeedResult[],
  { passed, failed }: { passed: number; failed: number },
  tallies: readonly Tally[],
): number {
  console.log('\nmutants of these histories, caught of applied:');
  for (const { name, applied, caught } of tallies) console.log(`  ${name}: ${caught} of ${applied}`);
  if (bad.length > 0)
    console.log(`\nbad seeds: ${bad.map(({ seed }) => seed).join(' ')} (histories in .hookswitch/chaos)`);
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
// A socket of a library must not keep the process.
setImmediate(() => {
  process.exit();
});
