/**
 * The full fuzz run, as a program: 100 000 mutated inputs each of SIP, SDP, RTP and RTCP.
 *
 * `node server/src/testing/fuzz/main.ts [--inputs N] [--seed S] [--only sip|sdp|rtp|rtcp]`; prints a line of JSON for
 * each and exits with 1 at the first input that is not taken as it must be, which the message says how to get again.
 */
import { parseArgs } from 'node:util';
import { FUZZERS } from './index.ts';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});

try {
  for (const [name, fuzz] of Object.entries(FUZZERS)) {
    if (values.only !== undefined && values.only !== name) continue;
    const report = await fuzz({ seed: Number(values.seed), inputs: Number(values.inputs) });
    process.stdout.write(`${JSON.stringify(report)}\n`);
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
