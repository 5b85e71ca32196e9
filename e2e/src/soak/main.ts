import { parseArgs } from 'node:util';
import { soakCalls } from './calls.ts';
import type { SoakMix, SoakReport } from './calls.ts';
import { heapGrowth } from './heap-growth.ts';

interface Outcome {
  /** Empty when all is well. */
  readonly problems: readonly string[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    calls: { type: 'string', default: '50000' },
    rate: { type: 'string', default: '80' },
    leak: { type: 'string' },
    snapshots: { type: 'string' },
  },
});

const calls = (mix: SoakMix): Promise<SoakReport> =>
  soakCalls({
    mix,
    calls: Number(values.calls),
    rate: Number(values.rate),
    ...(values.snapshots === undefined ? {} : { snapshots: values.snapshots }),
    ...(values.leak === undefined ? {} : { leak: Number(values.leak) }),
  });

/** Long runs that `npm test` has no time for. */
const SOAKS: Readonly<Record<string, () => Promise<Outcome>>> = {
  calls: () => calls('bridged'),
  twiml: () => calls('twiml'),
};

const [name, from, to] = positionals;
if (name === 'growth' && from !== undefined && to !== undefined) {
  const grown = heapGrowth(from, to);
  const line = ({ bytes, count, held }: (typeof grown)[number]): string => `${bytes} bytes in ${count}: ${held}`;
  console.log([...grown.slice(0, 30), ...grown.slice(-10)].map(line).join('\n'));
  process.exit(0);
}

const soak = SOAKS[name ?? ''];
if (soak === undefined) {
  console.error(
    `npm run soak -- NAME [--calls N] [--rate CALLS_PER_SECOND] [--leak BYTES] [--snapshots FOLDER]\nNAME is one of: ${Object.keys(SOAKS).join(', ')}\nnpm run soak -- growth BEFORE.heapsnapshot AFTER.heapsnapshot`,
  );
  process.exit(2);
}
const report = await soak();
console.log(JSON.stringify(report, null, 2));
for (const problem of report.problems) console.error(`soak: ${problem}`);
process.exit(report.problems.length === 0 ? 0 : 1);
