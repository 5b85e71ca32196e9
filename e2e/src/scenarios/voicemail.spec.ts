import twilio from 'twilio';
import type { TestServer } from '../fixtures/server.ts';
import { restClient } from '../fixtures/rest-client.ts';
import { callWithPhone } from '../fixtures/rtp-phone.ts';
import type { RtpPhone } from '../fixtures/rtp-phone.ts';
import { expect, test } from '../fixtures/test.ts';
import { amplitudeAt, linearOfMuLaw, toneWav } from '../fixtures/tone.ts';

const { VoiceResponse } = twilio.twiml;
const CALLER_TONE = 620;
const PROMPT_TONE = 1030;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** The verbs of a document that the official library wrote. */
const verbsOf = (response: InstanceType<typeof VoiceResponse>): string =>
  response.toString().replace(/^.*?<Response>|<\/Response>$/gs, '');

async function call(server: TestServer, number: string): Promise<RtpPhone> {
  const { sip } = await server.state();
  const phone = await callWithPhone({ server: sip, number, toneHz: CALLER_TONE });
  await phone.answered;
  return phone;
}

/** Channels of a 16-bit WAV file. */
function channelsOf(wav: Buffer): Int16Array[] {
  const count = wav.readUInt16LE(22);
  const frames = Math.floor((wav.length - 44) / 2 / count);
  return Array.from({ length: count }, (_, channel) =>
    Int16Array.from({ length: frames }, (__, at) => wav.readInt16LE(44 + (at * count + channel) * 2)),
  );
}

/** A recording, as anybody gets it who has its address and the account's token. */
async function download(server: TestServer, url: string, headers: Record<string, string> = {}): Promise<Response> {
  const { account, authToken } = await server.credentials();
  const authorization = `Basic ${Buffer.from(`${account}:${authToken}`).toString('base64')}`;
  return fetch(url, { headers: { authorization, ...headers } });
}

test('CR-1 CR-5 voicemail: a menu by keys, a beep, the message; its audio has the tone and the length of what was said', async ({
  server,
  application,
}) => {
  const client = await restClient(server);
  application.answer(({ path, params }) => {
    const response = new VoiceResponse();
    if (path.endsWith('.wav')) return { type: 'audio/wav', body: toneWav(PROMPT_TONE, 30) };
    if (path === '/voice') {
      const gather = response.gather({ numDigits: 2, action: '/chosen', timeout: 10 });
      gather.play({ loop: 0 }, '/menu.wav');
    } else if (path === '/chosen') {
      response.record({
        action: '/recorded',
        maxLength: 3,
        playBeep: true,
        trim: 'do-not-trim',
        recordingStatusCallback: '/recording-status',
        recordingStatusCallbackEvent: ['in-progress', 'completed'],
      });
    } else response.hangup();
    expect(params['CallSid']).toBeDefined();
    return verbsOf(response);
  });
  const phone = await call(server, application.number);
  try {
    await application.waitForRequest(({ path }) => path.endsWith('.wav'));
    await wait(600);
    const heard = phone.media.received.slice(-20).flatMap(({ payload }) => [...payload].map(linearOfMuLaw));
    expect(amplitudeAt(Int16Array.from(heard), 8000, PROMPT_TONE)).toBeGreaterThan(0.3);
    // In mid-prompt: it stops at the first key.
    await phone.media.press('4');
    await phone.media.press('2');
    const chosen = await application.waitForRequest(({ path }) => path === '/chosen');
    expect(chosen.params).toMatchObject({ Digits: '42' });
    const recorded = await application.waitForRequest(({ path }) => path === '/recorded', 15_000);
    expect(recorded.params).toMatchObject({ RecordingDuration: '3' });
    const status = await application.waitForRequest(({ params }) => params['RecordingStatus'] === 'completed');
    expect(status.params).toMatchObject({
      RecordingSid: recorded.params['RecordingSid'],
      RecordingUrl: recorded.params['RecordingUrl'],
      RecordingChannels: '1',
      RecordingSource: 'RecordVerb',
    });

    const recordingUrl = String(recorded.params['RecordingUrl']);
    // What REST shows follows the events within moments.
    await expect.poll(async () => (await download(server, `${recordingUrl}.wav`)).status).toBe(200);
    const wav = await download(server, `${recordingUrl}.wav`);
    const file = Buffer.from(await wav.arrayBuffer());
    const [said = new Int16Array(), ...others] = channelsOf(file);
    expect(others).toEqual([]);
    expect(said.length / 8000).toBeCloseTo(3, 1);
    for (const second of [0, 1, 2]) {
      const part = said.subarray(second * 8000 + 400, second * 8000 + 7600);
      expect(amplitudeAt(part, 8000, CALLER_TONE), `second ${second}`).toBeGreaterThan(0.4);
      expect(amplitudeAt(part, 8000, PROMPT_TONE), `second ${second}`).toBeLessThan(0.02);
    }
    const head = await download(server, `${recordingUrl}.wav`, { range: 'bytes=0-43' });
    expect(head.status).toBe(206);
    expect(Buffer.from(await head.arrayBuffer())).toEqual(file.subarray(0, 44));
    const mp3 = await download(server, `${recordingUrl}.mp3`);
    expect(mp3.headers.get('content-type')).toContain('audio/mpeg');
    expect((await mp3.arrayBuffer()).byteLength).toBeGreaterThan(5000);

    const listed = await client.recordings.list({ callSid: recorded.params['CallSid'] ?? '' });
    expect(listed.map(({ sid, source, duration, status: state }) => ({ sid, source, duration, state }))).toEqual([
      { sid: recorded.params['RecordingSid'], source: 'RecordVerb', duration: '3', state: 'completed' },
    ]);
  } finally {
    await phone.hangup();
  }
});

test('CR-1 a recording that its caller ends by hanging up is told with Digits=hangup, and is kept', async ({
  server,
  application,
}) => {
  application.answer(({ path }) => {
    const response = new VoiceResponse();
    if (path === '/voice') response.record({ action: '/recorded', playBeep: false });
    return verbsOf(response);
  });
  const phone = await call(server, application.number);
  await wait(2500);
  await phone.hangup();
  const told = await application.waitForRequest(({ path }) => path === '/recorded');
  expect(told.params).toMatchObject({ Digits: 'hangup' });
  expect(Number(told.params['RecordingDuration'])).toBeGreaterThanOrEqual(2);
  await expect
    .poll(async () => (await download(server, `${told.params['RecordingUrl'] ?? ''}.wav`)).status, { timeout: 10_000 })
    .toBe(200);
});

test('CR-1 CR-5 Dial records both parties, each on a channel of its own, on one clock', async ({
  server,
  application,
  pstn,
}) => {
  application.answer(({ path }) => {
    const response = new VoiceResponse();
    if (path !== '/voice') return '<Hangup/>';
    const dial = response.dial({ action: '/dialled', record: 'record-from-answer-dual', callerId: '+15550100' });
    dial.number('+15550123');
    return verbsOf(response);
  });
  const callee = await pstn();
  const phone = await call(server, application.number);
  await callee.event('CALL_ESTABLISHED');
  await wait(3500);
  await callee.hangup();
  const over = await application.waitForRequest(({ path }) => path === '/dialled');
  expect(over.params).toMatchObject({ DialCallStatus: 'completed', DialBridged: 'true' });
  const recordingUrl = String(over.params['RecordingUrl']);
  await expect
    .poll(async () => (await download(server, `${recordingUrl}.wav?RequestedChannels=2`)).status, { timeout: 10_000 })
    .toBe(200);
  const wav = await download(server, `${recordingUrl}.wav?RequestedChannels=2`);
  const [caller = new Int16Array(), dialled = new Int16Array()] = channelsOf(Buffer.from(await wav.arrayBuffer()));
  expect(caller.length).toBe(dialled.length);
  expect(caller.length / 8000).toBeGreaterThan(2.5);
  const middle = (channel: Int16Array): Int16Array => channel.subarray(8000, 16_000);
  expect(amplitudeAt(middle(caller), 8000, CALLER_TONE)).toBeGreaterThan(0.3);
  expect(amplitudeAt(middle(caller), 8000, 1000)).toBeLessThan(0.02);
  expect(amplitudeAt(middle(dialled), 8000, 1000)).toBeGreaterThan(0.3);
  expect(amplitudeAt(middle(dialled), 8000, CALLER_TONE)).toBeLessThan(0.02);
  await phone.hangup();
});
