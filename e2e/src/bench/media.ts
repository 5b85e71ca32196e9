import { loadavg } from 'node:os';
import { openApplication } from '../fixtures/application.ts';
import { cpuSeconds, descendants } from '../fixtures/process-facts.ts';
import { startServer } from '../fixtures/server.ts';
import { RtpLoad } from '../load/rtp-load.ts';
import type { LoadReport } from '../load/rtp-load.ts';
import { RtpEngine } from '../load/rtpengine.ts';
import { SoftphoneLoad } from '../load/softphone-load.ts';
import { TrunkLoad } from '../load/trunk-load.ts';
import { WebRtcConnection, WebRtcTally, paceSenders } from '../load/webrtc-load.ts';
import { median } from './result.ts';
import type { BenchResult } from './result.ts';

/** One measurement of n calls through one relay. Latency is one way, load client included. */
interface Sample {
  readonly calls: number;
  readonly loss_ratio: number;
  readonly cpu_percent_per_call: number;
  readonly added_latency_p50_ms: number;
  readonly added_latency_p99_ms: number;
  readonly to_browser: LoadReport;
  readonly to_trunk: LoadReport;
}

/** A relay with n calls through it, media flowing. */
interface Relay {
  readonly pids: readonly number[];
  close(): Promise<void>;
}

interface Sides {
  readonly trunk: RtpLoad;
  readonly browsers: WebRtcTally;
  /** Filled as connections come up. */
  readonly microphones: WebRtcConnection[];
}

type Open = (calls: number, sides: Sides) => Promise<Relay>;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * n bridged calls, trunk to browser, PCMU both ways, 50 packets a second each: the trunk is a C program, the browsers are
 * libdatachannel peers (ICE, DTLS, SRTP). The whole server is in the path, signalling included; only its media is measured.
 * Peer: rtpengine bridging the same RTP to the same WebRTC peers, in turns with ours.
 */
export async function media({ quick }: { quick: boolean }): Promise<BenchResult> {
  const [sizes, rounds, seconds, settle] = quick ? [[20], 1, 5, 4] : [[20, 50, 100, 200], 2, 15, 6];
  const ours: Sample[] = [];
  const peer: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const calls of sizes) {
      for (const [samples, open] of [
        [ours, openOurs],
        [peer, openRtpEngine],
      ] as const)
        samples.push(await measure(open, { calls, seconds, settle }));
    }
  }
  const main = sizes.includes(100) ? 100 : (sizes.at(-1) ?? 0);
  const ratio = (n: number): number => round2(cpuAt(ours, n) / cpuAt(peer, n));
  return {
    load: { sizes, rounds, seconds, codec: 'PCMU', packet_ms: 20, load_average: loadavg()[0] },
    ours: { ...summary(ours, main), by_calls: sizes.map((n) => byCalls(ours, n)), samples: ours },
    peers: { rtpengine: { ...summary(peer, main), by_calls: sizes.map((n) => byCalls(peer, n)), samples: peer } },
    ratios: { cpu_vs_rtpengine: Object.fromEntries(sizes.map((n) => [n, ratio(n)])) },
    notes: [
      'latency is one way with the load client in it, the same for both; the larger of the two directions is reported',
      "ours: CPU of every process of the server (media workers, database and bus too); rtpengine's: its one process, without signalling",
    ],
  };
}

async function measure(
  open: Open,
  options: { readonly calls: number; readonly seconds: number; readonly settle: number },
): Promise<Sample> {
  const { calls, seconds, settle } = options;
  const sides: Sides = { trunk: await RtpLoad.start(calls), browsers: new WebRtcTally(), microphones: [] };
  const stop = paceSenders(sides.microphones);
  try {
    const relay = await open(calls, sides);
    try {
      await sleep(settle * 1000);
      sides.trunk.epoch(2);
      sides.browsers.next(2);
      const [from, started] = [await cpuSeconds(relay.pids), performance.now()];
      await sleep(seconds * 1000);
      const cpu = (await cpuSeconds(relay.pids)) - from;
      const elapsed = (performance.now() - started) / 1000;
      sides.trunk.stop();
      stop();
      await sleep(700);
      return sample(calls, cpu / elapsed, { trunk: await sides.trunk.report(), browsers: sides.browsers.report() });
    } finally {
      await relay.close();
    }
  } finally {
    stop();
    await sides.trunk.close();
  }
}

function sample(
  calls: number,
  cores: number,
  { trunk, browsers }: { readonly trunk: LoadReport; readonly browsers: LoadReport },
): Sample {
  const sent = trunk.sent + browsers.sent;
  return {
    calls,
    loss_ratio: sent === 0 ? 1 : (sent - trunk.received - browsers.received) / sent,
    cpu_percent_per_call: (cores * 100) / calls,
    added_latency_p50_ms: Math.max(trunk.p50_ms, browsers.p50_ms),
    added_latency_p99_ms: Math.max(trunk.p99_ms, browsers.p99_ms),
    to_browser: { ...browsers, sent: trunk.sent },
    to_trunk: { ...trunk, sent: browsers.sent },
  };
}

/** A whole server, its calls placed by SIP and answered by softphones. */
async function openOurs(calls: number, { trunk, browsers, microphones }: Sides): Promise<Relay> {
  const closers: (() => Promise<unknown> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const each of closers.reverse()) await each();
  };
  try {
    const server = await startServer({ args: ['--log-level', 'warn'] });
    closers.push(() => server.stop());
    const application = await openApplication(
      server,
      '+15550178',
      ({ params }) =>
        `<Dial answerOnBridge="true" timeout="30"><Client>load-${Number(params['From']?.slice(-4))}</Client></Dial>`,
    );
    closers.push(() => application.close());
    const { sip, gateway, pid } = await server.state();
    const phones: SoftphoneLoad[] = [];
    closers.push(() => Promise.all(phones.map((phone) => phone.close())));
    for (let i = 0; i < calls; i++) {
      const identity = `load-${i}`;
      phones.push(await SoftphoneLoad.open(gateway.ws, { identity, token: await server.token(identity) }, browsers));
    }
    const sipSide = await TrunkLoad.open(sip);
    closers.push(() => {
      sipSide.close();
    });
    closers.push(() => sipSide.hangUp());
    await inGroups(phones, 10, async (phone, index) => {
      const from = `+155500${String(index).padStart(5, '0')}`;
      const to = await sipSide.call({ number: application.number, from, rtpPort: trunk.ports[index] ?? 0 });
      trunk.go(index, to);
      microphones.push(await phone.microphone);
      await phone.merged;
    });
    const pids = [pid, ...(await descendants(pid)).map((child) => child.pid)];
    return { pids, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openRtpEngine(calls: number, { trunk, browsers, microphones }: Sides): Promise<Relay> {
  const engine = await RtpEngine.start();
  const connections: WebRtcConnection[] = [];
  const close = async (): Promise<void> => {
    for (const connection of connections) connection.close();
    await engine.close();
  };
  try {
    for (let index = 0; index < calls; index++) {
      const call = { 'call-id': `load-${index}`, 'from-tag': `trunk-${index}` };
      const sdp = `v=0\r\no=load 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${trunk.ports[index] ?? 0} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n`;
      const offer = await engine.sdp({
        ...call,
        command: 'offer',
        sdp,
        ICE: 'force',
        DTLS: 'passive',
        'transport-protocol': 'UDP/TLS/RTP/SAVPF',
        'rtcp-mux': ['offer', 'require'],
        flags: ['generate-mid'],
      });
      const connection = new WebRtcConnection(`rtpengine-${index}`, browsers);
      connections.push(connection);
      connection.addAudio('sendrecv', /a=mid:(\S+)/.exec(offer)?.[1] ?? '0');
      const answer = await connection.answer(offer);
      const back = await engine.sdp({
        ...call,
        command: 'answer',
        'to-tag': `browser-${index}`,
        sdp: answer,
        ICE: 'remove',
      });
      trunk.go(index, { address: '127.0.0.1', port: Number(/^m=audio (\d+)/m.exec(back)?.[1] ?? 0) });
      microphones.push(connection);
      await connection.opened;
    }
    return { pids: [engine.pid], close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function inGroups<T>(
  items: readonly T[],
  size: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      const item = items[index];
      if (item !== undefined) await work(item, index);
    }
  };
  await Promise.all(Array.from({ length: size }, run));
}

const round2 = (value: number): number => Math.round(value * 1000) / 1000;
const at = (samples: readonly Sample[], calls: number): Sample[] => samples.filter((one) => one.calls === calls);
const cpuAt = (samples: readonly Sample[], calls: number): number =>
  median(at(samples, calls).map((one) => one.cpu_percent_per_call));

function summary(samples: readonly Sample[], calls: number): Record<string, number> {
  const chosen = at(samples, calls);
  const of = (pick: (one: Sample) => number): number => round2(median(chosen.map(pick)));
  return {
    calls,
    loss_ratio: median(chosen.map((one) => one.loss_ratio)),
    cpu_percent_per_call: of((one) => one.cpu_percent_per_call),
    added_latency_p50_ms: of((one) => one.added_latency_p50_ms),
    added_latency_p99_ms: of((one) => one.added_latency_p99_ms),
  };
}

function byCalls(samples: readonly Sample[], n: number): { n: number; cpu_percent_per_call: number; p99_ms: number } {
  return {
    n,
    cpu_percent_per_call: round2(cpuAt(samples, n)),
    p99_ms: round2(median(at(samples, n).map((one) => one.added_latency_p99_ms))),
  };
}
