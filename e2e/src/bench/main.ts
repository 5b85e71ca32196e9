import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { callSetup } from './call-setup.ts';
import { calls } from './calls.ts';
import { connections } from './connections.ts';
import { elastic } from './elastic.ts';
import { fairness } from './fairness.ts';
import { fanout } from './fanout.ts';
import { hubScale } from './hub-scale.ts';
import { isolation } from './isolation.ts';
import { media } from './media.ts';
import { mediaLayer } from './media-layer.ts';
import { mixer } from './mixer.ts';
import { queue } from './queue.ts';
import { recovery } from './recovery.ts';
import { rest } from './rest.ts';
import { sipCps } from './sip-cps.ts';
import { slow } from './slow.ts';
import type { BenchResult } from './result.ts';

/** One entry a benchmark; names and keys are the contract of docs/benchmarks.md. */
const BENCHES: Readonly<Record<string, (options: { quick: boolean; plot: boolean }) => Promise<BenchResult>>> = {
  'call-setup': callSetup,
  calls,
  connections,
  elastic,
  fairness,
  fanout,
  'hub-scale': hubScale,
  isolation,
  media,
  'media-layer': mediaLayer,
  mixer,
  queue,
  recovery,
  rest,
  'sip-cps': sipCps,
  slow,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    plot: { type: 'boolean', default: false },
  },
});
const name = positionals[0] ?? '';
const bench = BENCHES[name];
if (bench === undefined) {
  console.error(`npm run bench -- NAME [--json] [--quick]\nNAME is one of: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
const result = await bench({ quick: values.quick, plot: values.plot });
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
