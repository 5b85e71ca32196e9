import type { Agent } from '../fixtures/agent.ts';
import { openAgent } from '../fixtures/agent.ts';
import { openApplication } from '../fixtures/application.ts';
import { startServer } from '../fixtures/server.ts';
import { callWithProbe } from '../fixtures/sip-probe.ts';
import { percentile } from './result.ts';
import type { BenchResult } from './result.ts';

const AGENT_TONE = 620;
/** Between calls: the browser is done tearing down the last one. Milliseconds. */
const PAUSE_MS = 400;

/** Times taken in the page, milliseconds since the epoch: one clock for all of this machine. */
interface PageTimes {
  readonly incomingAt: number;
  readonly acceptedAt: number;
  readonly soundAt: number;
}

interface Sample {
  readonly notifyMs: number;
  readonly acceptToAudioMs: number;
}

/**
 * INVITE handed to the network -> `incoming` event in a real browser; `accept()` -> both ends hear the other (first RTP with
 * sound at the PSTN side, first sound at the browser's speaker). One call after the other, application server included.
 */
export async function callSetup({ quick }: { quick: boolean }): Promise<BenchResult> {
  const [rounds, warmUp] = quick ? [15, 3] : [100, 10];
  const server = await startServer({ args: ['--log-level', 'warn'] });
  const samples: Sample[] = [];
  let failed = 0;
  try {
    const application = await openApplication(
      server,
      '+15550177',
      () => '<Dial answerOnBridge="true" timeout="20"><Client>bench</Client></Dial>',
    );
    const { pageUrl, sip } = await server.state();
    const agent = await openAgent({ pageUrl, identity: 'bench', toneHz: AGENT_TONE, measured: true });
    try {
      for (let round = 0; round < rounds + warmUp; round++) {
        const sample = await oneCall(agent, sip, application.number);
        if (sample === undefined) failed++;
        else if (round >= warmUp) samples.push(sample);
      }
    } finally {
      await agent.close();
      await application.close();
    }
  } finally {
    await server.stop();
  }
  const notify = samples.map((sample) => sample.notifyMs);
  const audio = samples.map((sample) => sample.acceptToAudioMs);
  return {
    load: { calls: samples.length, warm_up: warmUp, concurrent: 1, pause_ms: PAUSE_MS },
    ours: {
      notify_p50_ms: percentile(notify, 0.5),
      notify_p99_ms: percentile(notify, 0.99),
      accept_to_audio_p50_ms: percentile(audio, 0.5),
      accept_to_audio_p99_ms: percentile(audio, 0.99),
      failed,
    },
    notes: [
      'notify includes the HTTP request to the application server, the event bus and the WebSocket',
      'accept_to_audio includes getUserMedia, ICE, DTLS, the answer to the PSTN side and the browser jitter buffer',
      'no peer offers this path: peers is null',
    ],
  };
}

async function oneCall(agent: Agent, sip: { host: string; port: number }, number: string): Promise<Sample | undefined> {
  const inPage = agent.page.evaluate(answerAndListen);
  const probe = await callWithProbe({ server: sip, number });
  try {
    const limit = new Promise<never>((_resolve, reject) => {
      setTimeout(() => {
        reject(new Error('no audio both ways in 15 s'));
      }, 15_000).unref();
    });
    const [times, heard] = await Promise.race([Promise.all([inPage, probe.firstSound]), limit]);
    return {
      notifyMs: times.incomingAt - probe.invitedAt,
      acceptToAudioMs: Math.max(times.soundAt, heard) - times.acceptedAt,
    };
  } catch (error) {
    console.error(`call failed: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  } finally {
    await probe.hangup();
    await agent.page
      .getByTestId('call-status')
      .waitFor({ state: 'detached', timeout: 5000 })
      .catch(() => undefined);
    await agent.page.waitForTimeout(PAUSE_MS);
  }
}

/** Runs in the page: answers the next call at once and waits until its audio is heard. */
async function answerAndListen(): Promise<PageTimes> {
  interface Call {
    accept(): void;
    getRemoteStream(): MediaStream | undefined;
  }
  interface Softphone {
    readonly hookswitch: { readonly device: { on(event: 'incoming', listener: (call: Call) => void): () => void } };
  }
  const now = (): number => performance.timeOrigin + performance.now();
  const { device } = (window as unknown as Softphone).hookswitch;
  const call = await new Promise<{ call: Call; at: number }>((resolve) => {
    const off = device.on('incoming', (incoming) => {
      off();
      resolve({ call: incoming, at: now() });
    });
  });
  const acceptedAt = now();
  call.call.accept();
  const context = new AudioContext({ sampleRate: 48_000, latencyHint: 'interactive' });
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  const samples = new Float32Array(analyser.fftSize);
  let source: MediaStreamAudioSourceNode | undefined;
  const soundAt = await new Promise<number>((resolve) => {
    const timer = setInterval(() => {
      const stream = call.call.getRemoteStream();
      if (source === undefined && stream !== undefined && stream.getAudioTracks().length > 0) {
        source = context.createMediaStreamSource(stream);
        source.connect(analyser);
      }
      analyser.getFloatTimeDomainData(samples);
      if (samples.some((sample) => Math.abs(sample) > 0.1)) {
        clearInterval(timer);
        resolve(now());
      }
    }, 2);
  });
  await context.close();
  return { incomingAt: call.at, acceptedAt, soundAt };
}
