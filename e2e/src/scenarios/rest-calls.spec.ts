import type { Twilio } from 'twilio';
import { restClient } from '../fixtures/rest-client.ts';
import { expect, test } from '../fixtures/test.ts';
import { toneWav } from '../fixtures/tone.ts';

/** Whom baresip answers for, and the number that is shown to it. */
const PSTN_NUMBER = '+15550123';
const FROM = '+15550100';
const TONE = 700;

const statusOf = async (client: Twilio, sid: string): Promise<string> => (await client.calls(sid).fetch()).status;

test('CR-4 a call by REST: queued, dialled, its instructions heard; redirected in mid-recording; ended', async ({
  server,
  pstn,
  application,
}) => {
  const client = await restClient(server);
  application.answer(({ path, params }) => {
    if (path === '/voice') return `<Play loop="0">/${TONE}.wav</Play>`;
    if (path.endsWith('.wav')) return { type: 'audio/wav', body: toneWav(TONE, 2) };
    return path === '/other' ? `<Pause length="30"/>` : `<Say>${params['CallStatus'] ?? ''}</Say>`;
  });
  const peer = await pstn();
  const made = await client.calls.create({
    to: PSTN_NUMBER,
    from: FROM,
    url: `${application.url}/voice`,
    statusCallback: `${application.url}/status`,
    statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
  });
  expect(made.status).toBe('queued');
  await peer.event('CALL_ESTABLISHED');
  await expect.poll(() => statusOf(client, made.sid)).toBe('in-progress');
  const first = await application.waitForRequest(({ path }) => path === '/voice');
  expect(first.params).toMatchObject({ CallSid: made.sid, Direction: 'outbound-api', CallStatus: 'in-progress' });
  await application.waitForRequest(({ path }) => path.endsWith('.wav'));

  await client.calls(made.sid).update({ url: `${application.url}/other` });
  await application.waitForRequest(({ path }) => path === '/other');
  expect(await statusOf(client, made.sid)).toBe('in-progress');

  const over = await client.calls(made.sid).update({ status: 'completed' });
  expect(over.status).toBe('completed');
  await peer.event('CALL_CLOSED');
  expect(Number(over.duration)).toBeGreaterThanOrEqual(0);
  expect(over.endTime.getTime()).toBeGreaterThanOrEqual(over.startTime.getTime());

  const steps = ['initiated', 'ringing', 'in-progress', 'completed'];
  for (const step of steps) {
    await application.waitForRequest(({ path, params }) => path === '/status' && params['CallStatus'] === step);
  }
  const reported = application.requests
    .filter(({ path }) => path === '/status')
    .map(({ params }) => params['CallStatus']);
  expect(reported).toEqual(steps);
  const events = await client.calls(made.sid).events.list();
  const asked = events.map(({ request }) => new URL((request as { url: string }).url).pathname);
  expect(asked).toEqual(expect.arrayContaining(['/voice', '/other', '/status']));
  const listed = await client.calls.list({ to: PSTN_NUMBER, status: 'completed', limit: 1 });
  expect(listed[0]?.sid).toBe(made.sid);
  expect(await client.calls(made.sid).remove()).toBe(true);
});

test('CR-4 a call that rings is canceled; a time limit ends one that talks', async ({ server, pstn, application }) => {
  const client = await restClient(server);
  application.answer(() => '<Pause length="60"/>');
  const ringing = await pstn({ autoAnswer: false });
  const twiml = '<Response><Pause length="60"/></Response>';
  const waits = await client.calls.create({ to: PSTN_NUMBER, from: FROM, twiml });
  await ringing.event('CALL_INCOMING');
  await expect.poll(() => statusOf(client, waits.sid)).toBe('ringing');
  expect((await client.calls(waits.sid).update({ status: 'canceled' })).status).toBe('canceled');
  await ringing.event('CALL_CLOSED');
  await ringing.stop();

  const peer = await pstn();
  const limited = await client.calls.create({ to: PSTN_NUMBER, from: FROM, twiml, timeLimit: 2 });
  await peer.event('CALL_ESTABLISHED');
  await peer.event('CALL_CLOSED', 10_000);
  await expect.poll(() => statusOf(client, limited.sid)).toBe('completed');
  expect(Number((await client.calls(limited.sid).fetch()).duration)).toBe(2);
});
