import { callWithPhone } from '../fixtures/rtp-phone.ts';
import type { RtpPhone } from '../fixtures/rtp-phone.ts';
import type { TestServer } from '../fixtures/server.ts';
import { expect, test } from '../fixtures/test.ts';
import { amplitudeAt, linearOfMuLaw, toneWav } from '../fixtures/tone.ts';

const [ONE, OTHER, ANNOUNCED] = [620, 1030, 1730];
/** Of full scale: a phone says its tone at half of it. */
const [HEARD, SILENT] = [0.1, 0.03];

async function call(server: TestServer, number: string, toneHz: number): Promise<RtpPhone> {
  const { sip } = await server.state();
  const phone = await callWithPhone({ server: sip, number, toneHz });
  await phone.answered;
  return phone;
}

async function rest(server: TestServer, url: string, init: RequestInit = {}): Promise<Response> {
  const { account, authToken } = await server.credentials();
  const authorization = `Basic ${Buffer.from(`${account}:${authToken}`).toString('base64')}`;
  return fetch(url, { ...init, headers: { authorization, 'content-type': 'application/json' } });
}

/** How loud a tone is in the last half second that a phone has heard. */
function level(phone: RtpPhone, hz: number): number {
  const last = phone.media.received.filter(({ payloadType }) => payloadType === 0).slice(-25);
  return amplitudeAt(Int16Array.from(last.flatMap(({ payload }) => [...payload].map(linearOfMuLaw))), 8000, hz);
}
const hears = async (phone: RtpPhone, hz: number): Promise<void> => {
  await expect.poll(() => level(phone, hz), { timeout: 15_000 }).toBeGreaterThan(HEARD);
};

test('CR-5 the recording of a conference is fetched by REST: mono, as long as it was, with everybody in it', async ({
  server,
  application,
}) => {
  application.answer(
    () =>
      '<Dial><Conference beep="false" record="record-from-start" trim="do-not-trim" eventCallbackUrl="/recorded" ' +
      'recordingStatusCallback="/recording">both</Conference></Dial>',
  );
  const phones = [await call(server, application.number, ONE), await call(server, application.number, OTHER)];
  const [one, other] = phones as [RtpPhone, RtpPhone];
  await Promise.all([hears(one, OTHER), hears(other, ONE)]);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  for (const phone of phones) await phone.hangup();
  const { params } = await application.waitForRequest(({ path }) => path === '/recording', 15_000);
  expect(params).toMatchObject({ RecordingStatus: 'completed', RecordingSource: 'Conference', RecordingChannels: '1' });
  const event = await application.waitForRequest(({ path }) => path === '/recorded');
  expect(event.params).toMatchObject({ EventName: 'conference-record-end', ConferenceSid: params['ConferenceSid'] });
  const url = `${params['RecordingUrl'] ?? ''}.wav`;
  await expect.poll(async () => (await rest(server, url)).status, { timeout: 10_000 }).toBe(200);
  const wav = Buffer.from(await (await rest(server, url)).arrayBuffer());
  expect(wav.length).toBe(Number(event.params['RecordingFileSize']));
  expect(wav.readUInt16LE(22)).toBe(1);
  const samples = Int16Array.from({ length: (wav.length - 44) / 2 }, (_, at) => wav.readInt16LE(44 + at * 2));
  expect(samples.length / 8000).toBeGreaterThan(2.4);
  expect(samples.length / 8000).toBeCloseTo(Number(params['RecordingDuration']), -0.5);
  // A second before the last half: both talk, and nobody else.
  const end = samples.length - 4000;
  const part = samples.subarray(end - 8000, end);
  expect(amplitudeAt(part, 8000, ONE)).toBeGreaterThan(HEARD);
  expect(amplitudeAt(part, 8000, OTHER)).toBeGreaterThan(HEARD);
  expect(amplitudeAt(part, 8000, ANNOUNCED)).toBeLessThan(SILENT);
});

test('CR-4 an announcement by REST into a merged call: heard in place of the other party, which is heard again after it', async ({
  server,
  application,
  pstn,
}) => {
  const callee = await pstn();
  application.answer(({ path }) => {
    if (path.endsWith('.wav')) return { type: 'audio/wav', body: toneWav(ANNOUNCED, 5) };
    return '<Dial callerId="+15550100"><Number>+15550123</Number></Dial>';
  });
  const phone = await call(server, application.number, ONE);
  await callee.event('CALL_ESTABLISHED');
  await hears(phone, 1000);
  const { params } = await application.waitForRequest(({ path }) => path === '/voice');
  const { account } = await server.credentials();
  const { pageUrl } = await server.state();
  const at = `${new URL(pageUrl).origin}/v1/accounts/${account}/calls/${params['CallSid'] ?? ''}/announcements`;
  const body = JSON.stringify({ url: `${application.url}/news.wav`, to: 'both' });
  const announced = await rest(server, at, { method: 'POST', body });
  expect(announced.status, await announced.clone().text()).toBe(202);
  await hears(phone, ANNOUNCED);
  await expect.poll(() => level(phone, 1000)).toBeLessThan(SILENT);
  await hears(phone, 1000);
  await expect.poll(() => level(phone, ANNOUNCED)).toBeLessThan(SILENT);
  await phone.hangup();
  await callee.hangup();
});
