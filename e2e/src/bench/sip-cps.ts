import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { cpuSeconds } from '../fixtures/process-facts.ts';
import { sippLoad } from '../load/sipp-load.ts';
import type { SippCounts } from '../load/sipp-load.ts';
import { Target } from '../load/target.ts';
import { median } from './result.ts';
import type { BenchResult } from './result.ts';

const PROGRAMS = {
  sip: 'server/src/sip/testing/answering-agent.ts',
  router: 'server/src/app/testing/answering-node.ts',
} as const;

/** What a run could not go beyond; `machine`: neither side had a core of its own for long enough. */
type Limit = 'none' | 'generator' | 'server' | 'machine';

/** One rate tried. */
interface Step extends SippCounts {
  readonly rate: number;
  readonly cpuMsPerCall: number;
  /** Share of one core that the program used, 0 to 1. */
  readonly serverCpu: number;
  readonly clean: boolean;
  readonly limit: Limit;
}

/** Twice what it can do. */
interface Overload {
  readonly rate: number;
  readonly seconds: number;
  /** Calls a second that were answered and ended as they should. */
  readonly goodput: number;
  /** Goodput as a share of the highest clean rate. */
  readonly goodputRatio: number;
  readonly refused: number;
  readonly failed: number;
  readonly retransmissions: number;
}

interface Stats {
  readonly retransmissions: number;
  readonly refused: number;
}

/** Calls a second that any of these programs takes, while overload control comes to rest. */
const SETTLE_RATE = 150;

/** From this share of its core on a side counts as the limit. */
const FULL = 0.9;

interface Plan {
  readonly rates: readonly number[];
  readonly seconds: number;
  /** What has to be held for long. */
  readonly steady: { readonly rate: number; readonly seconds: number };
}

interface Climbed {
  readonly steps: readonly Step[];
  readonly steady: Step;
  readonly overload: Overload | null;
}

/**
 * sipp as caller (INVITE, 180, 200, ACK, BYE, 200) on one core, the program under load on another, over loopback UDP. The
 * rate is raised until a message is retransmitted by either side or a call fails.
 */
export async function sipCps({ quick }: { quick: boolean }): Promise<BenchResult> {
  const seconds = quick ? 3 : 8;
  const alone = await climb(PROGRAMS.sip, {
    rates: quick ? [1000, 2000, 3000] : [1000, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 6000],
    seconds,
    steady: { rate: 3000, seconds: quick ? 5 : 60 },
  });
  const routed = await climb(PROGRAMS.router, {
    rates: quick ? [500, 1000] : [250, 500, 750, 1000, 1250, 1500, 2000],
    seconds,
    steady: { rate: 1000, seconds: quick ? 5 : 60 },
  });
  const parse = await parseSpeed(quick ? 3 : 7);
  return {
    load: { seconds_per_rate: seconds, load_average: loadavg()[0], pinned: cpus().length > 1 },
    ours: {
      sip_only_cps: best(alone.steps),
      clean_cps: best(routed.steps),
      parse_per_s: parse,
      cpu_ms_per_call: cpuOf(alone.steps),
      cpu_ms_per_call_routed: cpuOf(routed.steps),
      failed: [...alone.steps, ...routed.steps]
        .filter((step) => step.clean)
        .reduce((sum, { failed }) => sum + failed, 0),
      sip_only: alone.steps,
      routed: routed.steps,
      sip_only_steady: alone.steady,
      routed_steady: routed.steady,
      sip_only_overload: alone.overload,
      routed_overload: routed.overload,
    },
    notes: [
      'clean: no retransmission by sipp or by us, no failed call, in the whole run at that rate',
      'routed: with bridge, RTP ports, call router and TwiML; the application answers in the process, events go to a counter',
      'limit: which side used its core up (generatorCpu, serverCpu: shares of one); machine: neither, and yet not clean',
      'overload: twice the highest clean rate; goodput is calls answered and ended, the others are refused with 503',
      'parse_per_s: a 1 KB INVITE parsed and checked, per second of CPU; median of rounds',
    ],
  };
}

async function climb(program: string, { rates, seconds, steady }: Plan): Promise<Climbed> {
  const steps: Step[] = [];
  const pin = cpus().length > 1;
  const { target, hello } = await Target.start<{ port: number }>(program, pin ? { core: 0 } : {});
  try {
    const run = (rate: number, calls: number, scenario = 'uac'): Promise<SippCounts> =>
      sippLoad({
        scenario,
        target: `127.0.0.1:${hello.port}`,
        callsPerSecond: rate,
        calls,
        user: '+15550100',
        ...(pin ? { core: 1 } : {}),
      });
    // The compiler has seen the code before anything is measured.
    await run(500, 1500);
    const step = async (rate: number, duration: number): Promise<Step> => {
      const before = await target.ask<Stats>('stats');
      const [cpu, started] = [await cpuSeconds([target.pid]), performance.now()];
      const counts = await run(rate, rate * duration);
      const [used, elapsed] = [(await cpuSeconds([target.pid])) - cpu, (performance.now() - started) / 1000];
      const after = await target.ask<Stats>('stats');
      const retransmissions = counts.retransmissions + after.retransmissions - before.retransmissions;
      const clean = counts.failed === 0 && retransmissions === 0 && counts.successful === rate * duration;
      const serverCpu = Math.round((used / elapsed) * 100) / 100;
      const limit = limitOf({ clean, serverCpu, generatorCpu: counts.generatorCpu });
      return {
        ...counts,
        rate,
        retransmissions,
        cpuMsPerCall: (used * 1000) / counts.created,
        serverCpu,
        clean,
        limit,
      };
    };
    // Overload control takes a few seconds to take every call again: what one rate left behind is not measured at the next.
    const settle = async (): Promise<void> => {
      for (let attempt = 0; attempt < 6; attempt++) {
        const before = await target.ask<Stats>('stats');
        await run(SETTLE_RATE, 5 * SETTLE_RATE);
        const after = await target.ask<Stats>('stats');
        if (attempt > 0 && after.refused === before.refused) return;
      }
    };
    for (const rate of rates) {
      const tried = await step(rate, seconds);
      steps.push(tried);
      // Far beyond: what follows would only be worse.
      if (!tried.clean) await settle();
      if (tried.retransmissions > tried.created / 10) break;
    }
    const held = await step(steady.rate, steady.seconds);
    const sustainable = best(steps);
    if (sustainable === 0) return { steps, steady: held, overload: null };
    const before = await target.ask<Stats>('stats');
    const duration = 2 * seconds;
    const counts = await run(2 * sustainable, 2 * sustainable * duration, OVERLOAD_SCENARIO);
    const { refused } = await target.ask<Stats>('stats');
    const goodput = (counts.successful - (refused - before.refused)) / counts.seconds;
    const overload: Overload = {
      rate: 2 * sustainable,
      seconds: counts.seconds,
      goodput: Math.round(goodput),
      goodputRatio: Math.round((goodput / sustainable) * 100) / 100,
      refused: refused - before.refused,
      failed: counts.failed,
      retransmissions: counts.retransmissions,
    };
    return { steps, steady: held, overload };
  } finally {
    await target.close();
  }
}

const OVERLOAD_SCENARIO = join(import.meta.dirname, '../load/overload.xml');

function limitOf({ clean, serverCpu, generatorCpu }: Pick<Step, 'clean' | 'serverCpu' | 'generatorCpu'>): Limit {
  if (generatorCpu >= FULL && generatorCpu >= serverCpu) return 'generator';
  if (serverCpu >= FULL) return 'server';
  return clean ? 'none' : 'machine';
}

async function parseSpeed(rounds: number): Promise<number> {
  const { target } = await Target.start('server/src/sip/testing/parse-speed.ts');
  try {
    const speeds: number[] = [];
    for (let round = 0; round < rounds; round++)
      speeds.push((await target.ask<{ perSecond: number }>('run')).perSecond);
    return Math.round(median(speeds));
  } finally {
    await target.close();
  }
}

const best = (steps: readonly Step[]): number =>
  Math.max(0, ...steps.filter(({ clean }) => clean).map(({ rate }) => rate));

/** At the highest clean rate, where the cost of idle time weighs least. */
function cpuOf(steps: readonly Step[]): number | null {
  const step = steps.findLast(({ clean }) => clean);
  return step === undefined ? null : Math.round(step.cpuMsPerCall * 1000) / 1000;
}
