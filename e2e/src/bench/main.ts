import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { callSetup } from './call-setup.ts';
import type { BenchResult } from './result.ts';

/** One entry a benchmark; names and keys are the contract of docs/benchmarks.md. */
const BENCHES: Readonly<Record<string, (options: { quick: boolean }) => Promise<BenchResult>>> = {
  'call-setup': callSetup,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
});
const name = positionals[0] ?? '';
const bench = BENCHES[name];
if (bench === undefined) {
  console.error(`npm run bench -- NAME [--json] [--quick]\nNAME is one of: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
const result = await bench({ quick: values.quick });
const machine = {
  cores: cpus().length,
  model: cpus()[0]?.model ?? 'unknown',
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
};
const line = { bench: name, machine, peers: null, floor: null, ratios: null, notes: [], ...result };
if (!values.json) console.log(JSON.stringify(line, null, 2));
console.log(JSON.stringify(line));
process.exit(0);
