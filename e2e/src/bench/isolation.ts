import { leadNumbersTo } from '../fixtures/application.ts';
import { startServer } from '../fixtures/server.ts';
import { Target } from '../load/target.ts';
import { flood } from './isolation/flood.ts';
import { hangingCalls } from './isolation/hanging-calls.ts';
import { disturbed } from './isolation/measure.ts';
import type { Disturbed } from './isolation/measure.ts';
import { calls, events, requests } from './isolation/quiet.ts';
import { unread } from './isolation/unread.ts';
import type { BenchResult } from './result.ts';

const PLAYS = '+15550191';

/**
 * What an account that does little has of the server (calls, REST, events: 99th percentiles) while another one's webhooks hang, it
 * floods the API, or a thousand sockets of it are never read; over the same before, round by round.
 */
export async function isolation({ quick }: { quick: boolean }): Promise<BenchResult> {
  const rounds = quick ? 1 : 10;
  const server = await startServer({ args: ['--log-level', 'error'] });
  const { target, hello } = await Target.start<{ port: number }>('e2e/src/load/twiml-application.ts');
  try {
    await leadNumbersTo(server, `http://127.0.0.1:${hello.port}`, [PLAYS]);
    const who = await server.credentials();
    const quiet = [await calls(server, PLAYS), await requests(server, who), await events(server, who)];
    // Warm, as a server is that has run for a while.
    for (const one of quiet) for (let n = 0; n < (quick ? 1 : 3); n++) await one.series();
    const flooding = await flood(server);
    const nuisances = { webhooks: await hangingCalls(server), flood: flooding, unread: await unread(server) };
    const by: Record<string, Record<string, Disturbed>> = {};
    for (const [name, nuisance] of Object.entries(nuisances)) by[name] = await disturbed(nuisance, quiet, rounds);
    const answers = await flooding.answers();
    for (const each of [...Object.values(nuisances), ...quiet]) await each.close();
    const ratios = Object.entries(by).flatMap(([name, of]) =>
      Object.entries(of).map(([timed, { ratio }]) => [`${name}_${timed}_p99`, ratio] as const),
    );
    return {
      load: { rounds, ...Object.fromEntries(Object.entries(nuisances).map(([name, { does }]) => [name, does])) },
      ours: { by, flood_answers: answers },
      ratios: { worst_p99: Math.max(...ratios.map(([, ratio]) => ratio)), ...Object.fromEntries(ratios) },
      notes: ['ratios: during over before, of the same round; the median over the rounds'],
    };
  } finally {
    await target.close();
    await server.stop();
  }
}
