import { join } from 'node:path';
import { openApplication } from '../fixtures/application.ts';
import type { ApplicationResponse } from '../fixtures/application.ts';
import type { TestServer } from '../fixtures/server.ts';
import { RtpLoad } from '../load/rtp-load.ts';
import { sippLoad } from '../load/sipp-load.ts';
import type { SippCounts } from '../load/sipp-load.ts';
import { SoftphoneLoad } from '../load/softphone-load.ts';
import { TrunkLoad } from '../load/trunk-load.ts';
import { WebRtcTally, paceSenders } from '../load/webrtc-load.ts';
import type { WebRtcConnection } from '../load/webrtc-load.ts';
import { outcomeOf } from './outcome.ts';
import type { Outcome, SoakLoad } from './ports.ts';

const LOAD = join(import.meta.dirname, '../load');
const NUMBERS = {
  answer: '+15550171',
  reject: '+15550172',
  dial: '+15550173',
  ring: '+15550174',
  browser: '+15550175',
};
/** Shares of a batch; the rest is answered and hung up by the caller. */
const SHARES = { dial: 0.2, reject: 0.1, cancel: 0.1 };
/** Calls of a batch that a WebRTC client takes. */
const BROWSER_CALLS = 10;
/**
 * Events that the hub keeps of an account for clients that come back: about 1.5 kB each. Here they are those of the client that
 * lets it ring: one when a call comes, one when the caller has given up.
 */
const HOT_EVENTS = 2000;

/** Answered, rejected, given up, dialled on to a gateway, taken by a WebRTC client. */
export async function openBridgedLoad(server: TestServer): Promise<SoakLoad> {
  const hold: ApplicationResponse = { type: 'audio/wav', body: silence(20) };
  const application = await openApplication(server, Object.values(NUMBERS), ({ path, params }) =>
    path.startsWith('/hold.wav') ? hold : documentFor(params),
  );
  const browsers = await BrowserSide.open(server);
  return {
    warmUpCalls: (1.1 * HOT_EVENTS) / (2 * SHARES.cancel),
    batch: ({ size, rate }) => runBatch(server, { size, rate, browsers }),
    finish: () => browsers.close(),
    close: () => application.close(),
  };
}

/** A WAV file of mu-law silence. */
function silence(seconds: number): Buffer {
  const header = Buffer.alloc(44);
  const bytes = seconds * 8000;
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + bytes, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(7, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8000, 24);
  header.writeUInt32LE(8000, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write('data', 36);
  header.writeUInt32LE(bytes, 40);
  return Buffer.concat([header, Buffer.alloc(bytes, 0xff)]);
}

function documentFor(params: Readonly<Record<string, string>>): string {
  switch (params['To']) {
    case NUMBERS.reject:
      return '<Reject/>';
    case NUMBERS.dial:
      return '<Dial timeout="10"><Number>+15550999</Number></Dial>';
    case NUMBERS.ring:
    case NUMBERS.browser: {
      const caller = String(Number(params['From']?.slice(-4)));
      const identity = params['To'] === NUMBERS.ring ? 'nobody-answers' : `load-${caller}`;
      return `<Dial answerOnBridge="true" timeout="20"><Client>${identity}</Client></Dial>`;
    }
    default:
      return '<Play>/hold.wav</Play>';
  }
}

async function runBatch(
  server: TestServer,
  options: { readonly size: number; readonly rate: number; readonly browsers: BrowserSide },
): Promise<Outcome> {
  const { size, rate, browsers } = options;
  const { sip } = await server.state();
  const count = (share: number): number => Math.round(size * share);
  const [dial, reject, cancel] = [count(SHARES.dial), count(SHARES.reject), count(SHARES.cancel)];
  const run = (user: string, calls: number, scenario = 'uac'): Promise<SippCounts> =>
    sippLoad({
      target: `${sip.host}:${sip.port}`,
      callsPerSecond: Math.max(1, Math.round((rate * calls) / size)),
      calls,
      scenario,
      user,
    });
  const results = await Promise.all([
    run(NUMBERS.answer, size - dial - reject - cancel - BROWSER_CALLS),
    run(NUMBERS.dial, dial),
    run(NUMBERS.reject, reject, join(LOAD, 'soak-refused.xml')),
    run(NUMBERS.ring, cancel, join(LOAD, 'soak-cancelled.xml')),
    browsers.calls(NUMBERS.browser),
  ]);
  return outcomeOf(results, ['answered', 'dialled', 'rejected', 'given up', 'browser']);
}

/** WebRTC clients that stay registered and take a call each in every batch, and one that lets it ring. */
class BrowserSide {
  readonly #server: TestServer;
  readonly #tally = new WebRtcTally();
  readonly #ringing: SoftphoneLoad;

  private constructor(server: TestServer, ringing: SoftphoneLoad) {
    this.#server = server;
    this.#ringing = ringing;
  }

  static async open(server: TestServer): Promise<BrowserSide> {
    const { gateway } = await server.state();
    const token = await server.token('nobody-answers');
    const ringing = await SoftphoneLoad.open(
      gateway.ws,
      { identity: 'nobody-answers', token, accepts: false },
      new WebRtcTally(),
    );
    return new BrowserSide(server, ringing);
  }

  async calls(number: string): Promise<Pick<SippCounts, 'created' | 'successful'>> {
    const { gateway, sip } = await this.#server.state();
    const trunk = await RtpLoad.start(BROWSER_CALLS);
    const signalling = await TrunkLoad.open(sip);
    const microphones: WebRtcConnection[] = [];
    const stop = paceSenders(microphones);
    let successful = 0;
    try {
      for (let i = 0; i < BROWSER_CALLS; i++) {
        const identity = `load-${i}`;
        const token = await this.#server.token(identity);
        const phone = await SoftphoneLoad.open(gateway.ws, { identity, token }, this.#tally);
        try {
          const from = `+1555000${String(i).padStart(4, '0')}`;
          trunk.go(i, await signalling.call({ number, from, rtpPort: trunk.ports[i] ?? 0 }));
          microphones.push(await phone.microphone);
          await phone.merged;
          // Long enough for the hand-over of its media, and the way back when it ends.
          await new Promise((resolve) => setTimeout(resolve, 2500));
          await signalling.hangUp();
          successful++;
        } finally {
          microphones.length = 0;
          await phone.close();
        }
      }
    } finally {
      stop();
      signalling.close();
      await trunk.close();
    }
    return { created: BROWSER_CALLS, successful };
  }

  close(): Promise<void> {
    return this.#ringing.close();
  }
}
