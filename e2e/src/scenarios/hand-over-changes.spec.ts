import { writeFile } from 'node:fs/promises';
import type { Twilio } from 'twilio';
import { isHandOverOff, pathOf } from '../fixtures/media-path.ts';
import { restClient } from '../fixtures/rest-client.ts';
import { callWithPhone } from '../fixtures/rtp-phone.ts';
import type { RtpPhone } from '../fixtures/rtp-phone.ts';
import { EVENTS, faults, longestHole } from '../fixtures/rtp-stream.ts';
import type { Agent } from '../fixtures/agent.ts';
import { AGENT_TONE, PSTN_TONE, expect, test } from '../fixtures/test.ts';
import { longestAbsence } from '../fixtures/tone.ts';
import { prepareToneMeter, startToneMeter } from '../fixtures/tone-meter.ts';
import type { Inbound, ToneLevel } from '../fixtures/tone-meter.ts';

const now = (): number => performance.timeOrigin + performance.now();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type CallContext = ReturnType<Twilio['calls']['get']>;

/** How long the worker keeps the audio between two changes: what is shorter delays the next hand-over, milliseconds. */
const STAY_MS = 5200;
/** After a change, until nothing of it can be heard any more, milliseconds. */
const AFTERMATH_MS = 1500;
const HOLD_MS = 1000;
const RECORDED_MS = 2000;
const KEY_MS = 100;
/** Nobody hears less than a quarter of the tone as the tone. */
const AUDIBLE = 0.12;

/** Silence that a change means by itself, at either ear, milliseconds. */
interface Meant {
  readonly phone: number;
  readonly browser: number;
}

interface Change {
  readonly what: string;
  /** What brings the audio back to this process; undefined: it stays with the worker. */
  readonly reason: string | undefined;
  readonly make: (phone: RtpPhone, agent: Agent, call: CallContext) => Promise<Meant>;
}

/** Packets of the phone: what it sent, and what the browser knows of them. */
interface Count extends Inbound {
  readonly sent: number;
  /** So many may have been sent between the one and the other. */
  readonly doubt: number;
}

const missed = (before: Count, after: Count): number => after.sent - before.sent - (after.received - before.received);

const NONE: Meant = { phone: 0, browser: 0 };

async function hold(phone: RtpPhone, direction: 'sendonly' | 'inactive'): Promise<Meant> {
  const sentBefore = phone.media.sent;
  await phone.reinvite(direction);
  const held = now();
  await pause(HOLD_MS);
  const meant = now() - held;
  await phone.reinvite('sendrecv');
  const unsent = phone.media.sent === sentBefore ? meant : Math.max(0, now() - held - 20);
  return { phone: meant, browser: direction === 'inactive' ? unsent : 0 };
}

const CHANGES: readonly Change[] = [
  {
    what: 'key of the phone',
    reason: undefined,
    make: async ({ media }) => {
      await media.press('5', KEY_MS);
      return { phone: 0, browser: KEY_MS + 40 };
    },
  },
  {
    what: 'key of the browser',
    reason: 'dtmf',
    make: async ({ media }, { page }) => {
      const from = media.received.length;
      await page.getByTestId('keypad-7').click();
      const events = () => media.received.slice(from).filter(({ payloadType }) => payloadType === EVENTS);
      await expect.poll(() => events().filter(({ payload }) => (payload[1]! & 0x80) !== 0).length).toBe(3);
      const at = events().map((packet) => packet.at);
      return { phone: Math.max(...at) - Math.min(...at) + 20, browser: 0 };
    },
  },
  { what: 'hold (sendonly) and resume', reason: 'update', make: (phone) => hold(phone, 'sendonly') },
  { what: 'hold (inactive) and resume', reason: 'update', make: (phone) => hold(phone, 'inactive') },
  {
    what: 'another SSRC',
    reason: 'source-changed',
    make: ({ media }) => {
      media.changeSsrc();
      return Promise.resolve(NONE);
    },
  },
  {
    what: 'recording starts',
    reason: 'sink',
    make: async (_phone, _agent, { recordings }) => {
      await recordings.create({ recordingChannels: 'dual' });
      await pause(RECORDED_MS);
      await recordings('Twilio.CURRENT').update({ status: 'stopped' });
      return NONE;
    },
  },
  { what: 're-INVITE to another port', reason: 'update', make: (phone) => phone.move().then(() => NONE) },
  { what: 'UPDATE that changes nothing', reason: undefined, make: (phone) => phone.refresh().then(() => NONE) },
];

interface Made {
  readonly what: string;
  readonly from: number;
  readonly until: number;
  readonly meant: Meant;
}

interface Calm {
  readonly from: number;
  readonly until: number;
  readonly before: Count;
  readonly after: Count;
  /** Other changes of hands meanwhile: a browser or a phone that a busy machine kept from sending is taken for silent. */
  readonly restless: number;
}

/** What both ears noticed, milliseconds and packets. `stallMs`: for so long this process was not there to send and to listen. */
function measure({ media }: RtpPhone, levels: readonly ToneLevel[], made: readonly Made[], calm: readonly Calm[]) {
  const atBrowser = levels.filter(({ level }) => level > AUDIBLE).map(({ at }) => at);
  const noticed = (from: number, until: number) => {
    const isIn = ({ at }: { readonly at: number }): boolean => at > from && at < until;
    const { lost, twice } = faults(media.received.filter((packet) => packet.payloadType === 0 && isIn(packet)));
    return {
      phoneMs: longestHole(media.received, AGENT_TONE, [from, until]),
      browserMs: longestAbsence(atBrowser, 10, [from, until]),
      phoneLost: lost,
      phoneTwice: twice,
      stallMs: Math.round(Math.max(0, ...media.stalls.filter(isIn).map(({ lateMs }) => lateMs))),
    };
  };
  const outside = calm.map(({ from, until, before, after, restless }) => ({
    ...noticed(from, until),
    browserLost: after.lost - before.lost,
    browserMissed: missed(before, after),
    doubt: before.doubt + after.doubt,
    restless,
  }));
  const changes = made.map(({ what, from, until, meant }, index) => {
    const { phoneMs, browserMs, ...more } = noticed(from - 200, until + AFTERMATH_MS);
    const heard = { phoneMs: Math.round(phoneMs - meant.phone), browserMs: Math.round(browserMs - meant.browser) };
    // A busy machine is heard without any change too.
    const around = outside.slice(index, index + 2).flatMap((calmly) => [calmly.phoneMs, calmly.browserMs]);
    return { what, ...heard, ...more, busyMs: Math.max(more.stallMs, ...around) };
  });
  return { changes, outside };
}

test.skip(isHandOverOff, 'the server is started without');

test('Hand-over: whatever changes in a call, both tones are audible within 100 ms of it, and nothing is lost outside', async ({
  server,
  agent,
  events,
}, info) => {
  test.setTimeout(300_000);
  const alice = await agent({ identity: 'alice', prepare: prepareToneMeter });
  const seen = await events();
  const { sip } = await server.state();
  const phone = await callWithPhone({ server: sip, number: '+15550100', toneHz: PSTN_TONE });
  await alice.page.getByTestId('answer').click();
  await phone.answered;
  const { callSid } = (await seen.waitFor('call.initiated')).data as { callSid: string };
  await alice.waitToHear(PSTN_TONE);
  const call = (await restClient(server)).calls(callSid);
  const meter = await startToneMeter(alice.page, PSTN_TONE);
  const path = (): Promise<string[]> => pathOf(server, callSid);
  /** The quickest answer of some: what was sent while the browser was asked is in doubt. */
  const count = async (): Promise<Count> => {
    let best: Count | undefined;
    for (let n = 0; n < 10 && (best === undefined || best.doubt > 1); n++) {
      const sent = phone.media.sent;
      const one = { ...(await meter.inbound()), sent, doubt: phone.media.sent - sent };
      if (best === undefined || one.doubt < best.doubt) best = one;
    }
    return best!;
  };
  const [made, calm]: [Made[], Calm[]] = [[], []];
  /** Until the worker has carried the audio for long enough without a change. */
  const rest = async (): Promise<void> => {
    await pause(AFTERMATH_MS);
    const [from, before] = [now(), await count()];
    for (let restless = 0; ; restless++) {
      const last = async (): Promise<string | undefined> => (await path()).at(-1);
      await expect.poll(last, { timeout: 70_000, intervals: [200] }).toBe('worker bridged');
      const told = (await path()).length;
      await pause(STAY_MS);
      if ((await path()).length !== told) continue;
      calm.push({ from, until: now(), before, after: await count(), restless });
      return;
    }
  };
  await rest();
  for (const { what, reason, make } of CHANGES) {
    const [from, told] = [now(), (await path()).length];
    const meant = await make(phone, alice, call);
    made.push({ what, from, until: now(), meant });
    const changed = async (): Promise<string[]> => (await path()).slice(told);
    if (reason === undefined) expect.soft(await changed(), what).toEqual([]);
    else await expect.poll(changed, { message: what, intervals: [100] }).toContain(`process ${reason}`);
    await rest();
  }
  const { changes, outside } = measure(phone, await meter.levels(), made, calm);
  await phone.hangup();
  await writeFile(info.outputPath('measured.json'), JSON.stringify({ changes, outside, path: await path() }, null, 1));
  for (const { what, phoneMs, browserMs, busyMs } of changes) {
    expect.soft(phoneMs, `${what}: heard by the phone`).toBeLessThanOrEqual(100 + busyMs);
    expect.soft(browserMs, `${what}: heard by the browser`).toBeLessThanOrEqual(100 + busyMs);
  }
  for (const { phoneLost, phoneTwice, browserLost, browserMissed, doubt } of outside) {
    expect.soft({ phoneLost, phoneTwice, browserLost }).toEqual({ phoneLost: 0, phoneTwice: 0, browserLost: 0 });
    // Sent and received are not counted in the same moment, and Chromium's statistics may be 50 ms old.
    expect.soft(browserMissed).toBeLessThanOrEqual(3 + doubt);
  }
  const digits = seen.seen().filter(({ type }) => type === 'call.digit');
  expect(digits.map(({ data }) => `${String(data['direction'])} ${String(data['digit'])}`)).toEqual([
    'inbound 5',
    'outbound-dial 7',
  ]);
});
