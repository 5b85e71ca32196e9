import { writeFile } from 'node:fs/promises';
import type { Capture } from '../fixtures/capture.ts';
import { isHandOverOff, pathOf } from '../fixtures/media-path.ts';
import type { TestHost } from '../fixtures/netns.ts';
import { arrivalsOf, faults } from '../fixtures/rtp-stream.ts';
import type { RtpPacket } from '../fixtures/rtp-stream.ts';
import { AGENT_TONE, PSTN_TONE, expect, test } from '../fixtures/test.ts';
import { prepareToneMeter, startToneMeter } from '../fixtures/tone-meter.ts';
import type { ToneLevel } from '../fixtures/tone-meter.ts';
import { longestAbsence, readWav, tonePresence } from '../fixtures/tone.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** How long a key takes the place of the tone, milliseconds. */
const KEY_MS = 120;
const AUDIBLE = 0.12;
/** Both tones have to be audible again after a change, milliseconds. */
const WITHIN_MS = 100;

const heardFrom = (levels: readonly ToneLevel[]): number[] =>
  levels.filter(({ level }) => level > AUDIBLE).map(({ at }) => at);

/** The longest time without, between the first and the last with it. */
const longestInside = (heard: readonly number[], each: number): number =>
  longestAbsence(heard, each, [(heard[0] ?? 0) - each, heard.at(-1) ?? 0]);

test.skip(isHandOverOff, 'the server is started without');

test('BR-4 the audio of a call to baresip changes hands three times in six seconds, and both hear each other all the time', async ({
  server,
  agent,
  pstn,
  events,
}, info) => {
  const peer = await pstn();
  const seen = await events();
  const alice = await agent({ identity: 'alice', prepare: prepareToneMeter });
  await alice.page.getByTestId('dial-input').fill('+15550123');
  await alice.page.getByTestId('dial-call').click();
  await peer.event('CALL_ESTABLISHED');
  await alice.waitToHear(PSTN_TONE);
  const meter = await startToneMeter(alice.page, PSTN_TONE);
  const { callSid } = (await seen.waitFor('call.initiated')).data as { callSid: string };
  const path = (): Promise<string[]> => pathOf(server, callSid);
  await expect.poll(path, { intervals: [200] }).toEqual(['worker bridged']);
  await pause(1500);
  await alice.page.getByTestId('keypad-7').click();
  expect((await peer.event('CALL_DTMF_START')).param).toBe('7');
  await expect.poll(path, { intervals: [200] }).toEqual(['worker bridged', 'process dtmf', 'worker bridged']);
  await pause(1500);
  const levels = await meter.levels();
  await peer.hangup();
  await expect(alice.page.getByTestId('call-status')).toHaveCount(0);
  const [file = 'no recording'] = await peer.recordings();
  const present = tonePresence(await readWav(file), AGENT_TONE);
  // The call begins where the tone stays for half a second.
  const start = present.findIndex((_, at) => present.slice(at, at + 25).every(Boolean));
  const heard = present.flatMap((isThere, at) => (isThere && at >= start ? [at * 20] : []));
  expect(heard.length * 20).toBeGreaterThan(4000);
  const measured = { phoneMs: longestInside(heard, 20) - KEY_MS, browserMs: longestInside(heardFrom(levels), 10) };
  await writeFile(info.outputPath('measured.json'), JSON.stringify(measured));
  expect.soft(measured.phoneMs, 'heard by the phone').toBeLessThanOrEqual(WITHIN_MS);
  expect.soft(measured.browserMs, 'heard by the browser').toBeLessThanOrEqual(WITHIN_MS);
});

/** Audio that sipp's host got or sent, by the kernel's clock. */
async function rtpAt(wire: Capture, host: TestHost, sipPort: number, way: 'src' | 'dst'): Promise<RtpPacket[]> {
  const fields = ['frame.time_epoch', 'rtp.p_type', 'rtp.seq', 'rtp.timestamp', 'rtp.ssrc', 'rtp.payload'];
  const frames = await wire.frames(sipPort, `rtp && ip.${way} == ${host.far}`, fields);
  return frames.map(([at, payloadType, sequence, timestamp, ssrc, payload = '']) => ({
    at: Number(at) * 1000,
    payloadType: Number(payloadType),
    sequence: Number(sequence),
    timestamp: Number(timestamp),
    ssrc: Number(ssrc),
    payload: Buffer.from(payload.replaceAll(':', ''), 'hex'),
  }));
}

test('BR-4 sipp holds and resumes while a media worker carries its call: both tones are audible within 100 ms of it', async ({
  server,
  host,
  application,
  agent,
  sipp,
  events,
  capture,
}, info) => {
  application.answer(() => '<Dial answerOnBridge="true"><Client>alice</Client></Dial>');
  const wire = await capture();
  const alice = await agent({ identity: 'alice', prepare: prepareToneMeter });
  const seen = await events();
  const caller = await sipp({ call: true, scenario: 'hold-resume', number: application.number });
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);
  const meter = await startToneMeter(alice.page, PSTN_TONE);
  const { callSid } = (await seen.waitFor('call.initiated')).data as { callSid: string };
  await seen.waitFor('call.resumed');
  const expected = ['worker bridged', 'process update', 'worker bridged'];
  await expect.poll(() => pathOf(server, callSid), { intervals: [200] }).toEqual(expected);
  await pause(1500);
  const levels = await meter.levels();
  await alice.page.getByTestId('hangup').click();
  await caller.done();
  await wire.stop();

  const { port } = (await server.state()).sip;
  const timeOf = async (filter: string): Promise<number> =>
    Number((await wire.frames(port, filter, ['frame.time_epoch']))[0]?.[0]) * 1000;
  const [held, resuming] = [
    await timeOf('sip.CSeq.seq == 2 && sip.Status-Code == 200'),
    await timeOf('sip.CSeq.seq == 3 && sip.Method == "INVITE"'),
  ];
  expect(resuming - held).toBeGreaterThan(3000);
  const got = await rtpAt(wire, host, port, 'dst');
  const tone = arrivalsOf(got, AGENT_TONE);
  expect(faults(got)).toEqual({ lost: 0, twice: 0 });
  const said = arrivalsOf(await rtpAt(wire, host, port, 'src'), PSTN_TONE);
  const from = levels[0]?.at ?? 0;
  const silence = longestInside(
    said.filter((at) => at > from),
    20,
  );
  const measured = {
    phoneMs: Math.round(longestInside(tone, 20) - (resuming - held)),
    browserMs: Math.round(longestInside(heardFrom(levels), 10) - silence),
  };
  await writeFile(info.outputPath('measured.json'), JSON.stringify(measured));
  expect.soft(measured.phoneMs, 'heard by the phone').toBeLessThanOrEqual(WITHIN_MS);
  expect.soft(measured.browserMs, 'heard by the browser').toBeLessThanOrEqual(WITHIN_MS);
});
