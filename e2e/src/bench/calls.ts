import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { leadNumbersTo } from '../fixtures/application.ts';
import { cpuSeconds, descendants } from '../fixtures/process-facts.ts';
import { startServer } from '../fixtures/server.ts';
import type { TestServer } from '../fixtures/server.ts';
import { callWithProbe } from '../fixtures/sip-probe.ts';
import { RtpLoad } from '../load/rtp-load.ts';
import { sippLoad } from '../load/sipp-load.ts';
import type { SippCounts } from '../load/sipp-load.ts';
import { Target } from '../load/target.ts';
import { TrunkLoad } from '../load/trunk-load.ts';
import { soakCalls } from '../soak/calls.ts';
import { Inspector } from '../soak/inspector.ts';
import { conference, untilThereIsRoom } from './calls-conference.ts';
import { hangingCalls } from './isolation/hanging-calls.ts';
import { disturbed } from './isolation/measure.ts';
import type { Disturbed } from './isolation/measure.ts';
import { calls as quietCalls } from './isolation/quiet.ts';
import { mixerCost } from './mixer.ts';
import { percentile } from './result.ts';
import type { BenchResult } from './result.ts';

/** The last digit says what the application does (load/twiml-application.ts). */
const NUMBERS = ['+15550191', '+15550192', '+15550195'] as const;
const [PLAYS, MENU, CONFERENCE] = NUMBERS;
const OVERLOAD = join(import.meta.dirname, '../load/overload.xml');

interface Plan {
  readonly rates: readonly number[];
  readonly seconds: number;
  readonly audioCalls: number;
  readonly liveCalls: number;
  readonly liveSeconds: number;
  /** Parties of one conference. */
  readonly parties: number;
  readonly isolationRounds: number;
  readonly mixerRounds: number;
  /** 0: not measured. */
  readonly soakCalls: number;
}

const FULL: Plan = {
  rates: [50, 100, 125, 150, 175, 200, 250, 300, 400],
  seconds: 10,
  audioCalls: 300,
  liveCalls: 100,
  liveSeconds: 20,
  parties: 250,
  isolationRounds: 10,
  mixerRounds: 10,
  soakCalls: 100_000,
};
const QUICK: Plan = {
  rates: [50, 100, 150],
  seconds: 3,
  audioCalls: 40,
  liveCalls: 30,
  liveSeconds: 4,
  parties: 20,
  isolationRounds: 3,
  mixerRounds: 1,
  soakCalls: 0,
};

interface Step extends SippCounts {
  readonly rate: number;
  readonly refused: number;
  /** Of all processes of the server. */
  readonly cpuMsPerCall: number;
  readonly clean: boolean;
}

/** A server as a user starts it, with an application server in a process of its own. */
export interface Stage {
  readonly server: TestServer;
  readonly application: Target;
  readonly url: string;
}

/** Calls run by documents of an application server, from INVITE to BYE: how many, how fast, and what they cost. */
export async function calls({ quick }: { quick: boolean }): Promise<BenchResult> {
  const plan = quick ? QUICK : FULL;
  const stage = await openStage();
  try {
    const audio = await firstAudio(stage, plan.audioCalls);
    const steps = await climb(stage, plan);
    const live = await liveCalls(stage, plan);
    const room = await conference(stage.server, CONFERENCE, { parties: plan.parties, seconds: plan.liveSeconds });
    const apart = await apartFrom(stage, plan.isolationRounds);
    const { all, three } = await mixerCost(plan.mixerRounds);
    await closeStage(stage);
    const soak = plan.soakCalls === 0 ? undefined : await soakCalls({ mix: 'twiml', calls: plan.soakCalls, rate: 100 });
    const best = steps.filter(({ clean }) => clean).at(-1);
    return {
      load: { load_average: loadavg()[0], cores: cpus().length, ...plan },
      ours: {
        cps: best?.rate ?? 0,
        first_audio_p50_ms: percentile(audio, 0.5),
        first_audio_p99_ms: percentile(audio, 0.99),
        cpu_ms_per_call: best === undefined ? null : Math.round(best.cpuMsPerCall * 100) / 100,
        heap_slope_bytes_per_call: soak === undefined ? null : Math.min(...soak.heapSlopesBytesPerCall),
        mixer_us_per_participant_frame: all,
        mixer_us_per_participant_frame_three_talk: three,
        ...live,
        conference: room,
        isolation_during_over_before: apart.ratio,
        isolation: apart,
        steps,
        soak: soak ?? null,
      },
      notes: [
        'cps: highest rate at which sipp had every call answered and ended, none refused, no message sent again; callers and application share the machine with server, NATS and PostgreSQL',
        'first_audio: from when the application server has the request until sound is at the caller, warm',
        'cpu_ms_per_call: every process of the server, from INVITE to the status callback and the record',
        ...(soak === undefined
          ? ['heap_slope_bytes_per_call: not taken with --quick; npm run soak -- twiml takes it']
          : []),
        ...(best === undefined ? ['cps, cpu_ms_per_call: no rate was clean: another load on the machine?'] : []),
      ],
    };
  } finally {
    await closeStage(stage);
  }
}

/** Calls of one account, without and with calls of another whose application server never answers. */
async function apartFrom({ server }: Stage, rounds: number): Promise<Disturbed> {
  const hanging = await hangingCalls(server);
  try {
    const { call } = await disturbed(hanging, [await quietCalls(server, PLAYS)], rounds);
    if (call === undefined) throw new Error('no call was timed');
    return call;
  } finally {
    await hanging.close();
  }
}

async function openStage(): Promise<Stage> {
  const server = await startServer({
    args: ['--log-level', 'error'],
    env: { NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --inspect=127.0.0.1:0`.trim() },
  });
  const { target, hello } = await Target.start<{ port: number }>('e2e/src/load/twiml-application.ts');
  const url = `http://127.0.0.1:${hello.port}`;
  await leadNumbersTo(server, url, NUMBERS);
  return { server, application: target, url };
}

async function closeStage({ server, application }: Stage): Promise<void> {
  await application.close();
  await server.stop();
}

/** One call after the other, after a few for warm-up. Milliseconds. */
async function firstAudio({ server, application }: Stage, count: number): Promise<number[]> {
  const { sip } = await server.state();
  const heard = new Map<string, number>();
  for (let n = -5; n < count; n++) {
    const from = `+1555${String(n + 5).padStart(7, '0')}`;
    const probe = await callWithProbe({ server: sip, number: PLAYS, from });
    const at = await probe.firstSound;
    await probe.hangup();
    if (n >= 0) heard.set(from, at);
  }
  const asked = await application.ask<Record<string, number>>('times');
  return [...heard].map(([from, at]) => at - (asked[from] ?? NaN));
}

async function climb({ server }: Stage, { rates, seconds }: Plan): Promise<Step[]> {
  const { sip, pid, health } = await server.state();
  const run = (rate: number, calls: number): Promise<SippCounts> =>
    sippLoad({
      target: `${sip.host}:${sip.port}`,
      callsPerSecond: rate,
      calls,
      user: MENU,
      scenario: OVERLOAD,
    });
  const refused = (): Promise<number> => metric(health, 'hookswitch_sip_overload_refused_total');
  await run(50, 250);
  const steps: Step[] = [];
  for (const rate of rates) {
    const pids = [pid, ...(await descendants(pid)).map((child) => child.pid)];
    const [before, cpu] = [await refused(), await cpuSeconds(pids)];
    const counts = await run(rate, rate * seconds);
    // What follows a call is in its cost: status callback, events, record.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const cpuMsPerCall = (1000 * ((await cpuSeconds(pids)) - cpu)) / counts.created;
    const over = (await refused()) - before;
    const clean = counts.successful === rate * seconds && counts.retransmissions === 0 && over === 0;
    steps.push({ ...counts, rate, refused: over, cpuMsPerCall, clean });
    if (over + counts.failed > counts.created / 4) break;
  }
  return steps;
}

/** Calls that are up, with RTP both ways: what each costs in CPU and heap. */
async function liveCalls({ server }: Stage, plan: Plan): Promise<Readonly<Record<string, number>>> {
  const { sip, pid } = await server.state();
  const inspector = await Inspector.open(/ws:\/\/\S+/.exec(server.process.output())?.[0] ?? '');
  const [trunk, signalling] = [await RtpLoad.start(plan.liveCalls), await TrunkLoad.open(sip)];
  try {
    const before = (await inspector.facts()).heapBytes;
    for (let n = 0; n < plan.liveCalls; n++) {
      const from = `+1556${String(n).padStart(7, '0')}`;
      const call = (): ReturnType<TrunkLoad['call']> =>
        signalling.call({ number: PLAYS, from, rtpPort: trunk.ports[n] ?? 0 });
      trunk.go(n, await untilThereIsRoom(call));
    }
    trunk.epoch(1);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const heapBytes = (await inspector.facts()).heapBytes - before;
    const pids = [pid, ...(await descendants(pid)).map((child) => child.pid)];
    const [cpu, began] = [await cpuSeconds(pids), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, plan.liveSeconds * 1000));
    const used = (await cpuSeconds(pids)) - cpu;
    const share = used / ((performance.now() - began) / 1000);
    await signalling.hangUp();
    return {
      cpu_percent_per_live_call: Math.round((10_000 * share) / plan.liveCalls) / 100,
      heap_bytes_per_live_call: Math.round(heapBytes / plan.liveCalls),
    };
  } finally {
    inspector.close();
    signalling.close();
    await trunk.close();
  }
}

async function metric(health: string, name: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', health))).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
}
