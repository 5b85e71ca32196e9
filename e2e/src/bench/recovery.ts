import { loadavg } from 'node:os';
import { connect } from 'nats';
import type { GatewayHello } from '../load/hub-servers.ts';
import { GATEWAY_PROGRAM } from '../load/hub-servers.ts';
import type { ResumersOptions, ResumersReport } from '../load/hub-resumers.ts';
import { NatsServer } from '../load/nats-server.ts';
import { Target } from '../load/target.ts';
import { ACCOUNT, eventText } from './fanout-measure.ts';
import { median } from './result.ts';
import type { BenchResult } from './result.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** No account of a benchmark has more than it may; admission of handshakes is as in the product. */
const OPTIONS = JSON.stringify({ quotas: { connections: 100_000, connectsPerSecond: 1e6, connectBurst: 1e6 } });
const EVENTS_PER_SECOND = 4;
const PATIENCE_MS = 30_000;

interface Outcome {
  readonly after: ResumersReport;
  readonly lagMs: number;
  readonly lost: number;
}

/**
 * A gateway with all the clients is killed while events go on; all of them come to the other one at once, each with its
 * place. Time until 99 % have what they missed, and what the surviving gateway's event loop says to it.
 */
export async function recovery({ quick }: { quick: boolean }): Promise<BenchResult> {
  const [clients, rounds] = quick ? [1000, 1] : [5000, 3];
  const outcomes: Outcome[] = [];
  for (let round = 0; round < rounds; round++) outcomes.push(await oneRound(clients));
  const seconds = (pick: (report: ResumersReport) => number | null): number | null => {
    const times = outcomes.flatMap(({ after }) => pick(after) ?? []);
    return times.length < outcomes.length ? null : median(times) / 1000;
  };
  const sum = (pick: (outcome: Outcome) => number): number =>
    outcomes.reduce((total, outcome) => total + pick(outcome), 0);
  return {
    load: { clients, rounds, events_per_s: EVENTS_PER_SECOND, load_average: loadavg()[0] },
    ours: {
      clients,
      t50_s: seconds((report) => report.t50),
      t99_s: seconds((report) => report.t99),
      t100_s: seconds((report) => report.last),
      lost: sum(({ lost }) => lost),
      duplicated: sum(({ after }) => after.duplicated),
      max_loop_lag_ms: Math.max(...outcomes.map(({ lagMs }) => lagMs)),
      // Every client's first connection ends with its gateway; more are a second wave.
      ended_again: sum(({ after }) => after.ended - clients),
      turned_down: sum(({ after }) => after.refused),
      unrecovered: sum(({ after }) => after.unrecovered),
      rounds: outcomes,
    },
    notes: [
      'gateway killed with SIGKILL; each client connects to the other at once, without jitter, and again when it is turned down, as it is told',
      't99: since the kill, until 99 % of all clients had every event up to the newest one of when they came back',
      'loop lag: the longest that a timer of the surviving gateway was late from the kill until all had everything',
      'clients are one Node process on the same machine: its time is in the figures',
    ],
  };
}

async function oneRound(clients: number): Promise<Outcome> {
  const nats = await NatsServer.start();
  const publisher = await connect({ servers: nats.url });
  const start = (): ReturnType<typeof Target.start<GatewayHello>> =>
    Target.start<GatewayHello>(GATEWAY_PROGRAM, { args: [nats.url, OPTIONS] });
  const [doomed, other] = [await start(), await start()];
  const { token, topic, subject } = doomed.hello;
  const options: ResumersOptions = { ports: [doomed.hello.port, other.hello.port], clients, token, topic };
  const resumers = await Target.start('e2e/src/load/hub-resumers.ts', { args: [JSON.stringify(options)] });
  const ask = (line: string): Promise<ResumersReport> => resumers.target.ask(line);
  const publishing = setInterval(() => {
    publisher.publish(subject, eventText(ACCOUNT));
  }, 1000 / EVENTS_PER_SECOND);
  try {
    await sleep(2000);
    // From here on the longest delay counts.
    await other.target.ask('lag');
    await ask('reset');
    process.kill(doomed.target.pid, 'SIGKILL');
    const deadline = performance.now() + PATIENCE_MS;
    for (let now = await ask('report'); now.caughtUp < clients; now = await ask('report')) {
      if (performance.now() > deadline) break;
      await sleep(100);
    }
    // A second wave would come now.
    await sleep(2000);
    clearInterval(publishing);
    await publisher.flush();
    await sleep(1000);
    const { max_lag_ms: lagMs } = await other.target.ask<{ max_lag_ms: number }>('lag');
    const after = await ask('report');
    // Whoever is behind the others now will not get the rest any more.
    return { after, lagMs, lost: after.lost + after.unrecovered + (after.most - after.least) };
  } finally {
    clearInterval(publishing);
    await resumers.target.close();
    await other.target.close();
    await doomed.target.close();
    await publisher.close();
    await nats.close();
  }
}
