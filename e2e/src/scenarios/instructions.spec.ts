import { createHmac } from 'node:crypto';
import type { ApplicationRequest } from '../fixtures/application.ts';
import { callWithProbe } from '../fixtures/sip-probe.ts';
import { AGENT_TONE, PSTN_TONE, expect, pstnUri, test } from '../fixtures/test.ts';
import { readWav, tonePresence, toneWav } from '../fixtures/tone.ts';

/** Recordings of the application: each one tone. */
const [FIRST, SECOND] = [700, 1900];
const recording = ({ path }: ApplicationRequest): { type: string; body: Buffer } | undefined => {
  const hz = /^\/(\d+)\.wav$/.exec(path)?.[1];
  return hz === undefined ? undefined : { type: 'audio/wav', body: toneWav(Number(hz), 1) };
};

/** When a tone is there, as [from, to] in seconds. */
function spans(presence: readonly boolean[]): [number, number][] {
  const found: [number, number][] = [];
  presence.forEach((there, index) => {
    const last = found.at(-1);
    const at = index * 0.02;
    if (!there) return;
    if (last !== undefined && at - last[1] < 0.1) last[1] = at + 0.02;
    else found.push([at, at + 0.02]);
  });
  return found.filter(([from, to]) => to - from > 0.1);
}

test('CR-1 Play, Pause, Say and Redirect are heard by the caller one after another', async ({
  server,
  pstn,
  application,
}) => {
  application.answer((request) => {
    if (request.path === '/voice')
      return `<Play>/${FIRST}.wav</Play><Pause length="1"/><Play>${SECOND}.wav</Play><Redirect>/more</Redirect>`;
    if (request.path === '/more') return '<Say>One two three four five six.</Say><Hangup/>';
    return recording(request) ?? '';
  });
  const peer = await pstn();
  await peer.dial(await pstnUri(server, application.number));
  await peer.event('CALL_CLOSED', 20_000);
  const [file = 'no recording'] = await peer.recordings();
  const wav = await readWav(file);
  const [first = [0, 0], ...noMore] = spans(tonePresence(wav, FIRST));
  expect(noMore.length, 'the first recording is played once').toBeLessThanOrEqual(1);
  const second = spans(tonePresence(wav, SECOND)).find(([from]) => from > first[1]) ?? [0, 0];
  expect(first[1] - first[0]).toBeGreaterThan(0.9);
  expect(first[1] - first[0]).toBeLessThan(1.15);
  // What a gateway sends into a pause begins after 200 ms, later on a busy machine, and the peer records what it gets.
  expect(second[0] - first[1], 'the pause').toBeGreaterThan(0.5);
  expect(second[0] - first[1], 'the pause').toBeLessThan(1.6);
  expect(second[1] - second[0]).toBeGreaterThan(0.9);
  const speech = wav.samples.subarray(Math.round((second[1] + 0.1) * wav.rate));
  const level = Math.sqrt(speech.reduce((sum, sample) => sum + sample ** 2, 0) / speech.length) / 32_768;
  expect(speech.length / wav.rate, 'seconds of speech').toBeGreaterThan(1);
  expect(level, 'level of the speech').toBeGreaterThan(0.01);
});

/** Instructions that turn the caller away, and what SIP says. */
const REFUSALS = [
  { verbs: '<Reject reason="busy"/>', sip: 486, status: 'busy' },
  { verbs: '<Reject/>', sip: 603, status: 'no-answer' },
  { verbs: '<Dial answerOnBridge="true"><Client>nobody</Client></Dial>', sip: 480, status: 'failed' },
] as const;

test('CR-1 Reject, and a Dial that reaches nobody, turn the caller away each with its SIP status', async ({
  server,
  application,
  events,
}) => {
  const { sip } = await server.state();
  const seen = await events();
  for (const { verbs, sip: status, status: final } of REFUSALS) {
    application.answer(() => verbs);
    const caller = await callWithProbe({ server: sip, number: application.number });
    expect(await caller.final, verbs).toBe(status);
    await caller.hangup();
    const callSid = (await application.waitForRequest(({ path }) => path === '/status')).params['CallSid'];
    const ended = await seen.waitFor('call.ended', (event) => event.data['callSid'] === callSid);
    expect(ended.data['status'], verbs).toBe(final);
  }
});

test('CR-1 Dial: a gateway that says nothing is failed; the parties of a sequential Dial ring in turn', async ({
  server,
  application,
  agent,
}) => {
  const { sip } = await server.state();
  const bob = await agent({ identity: 'bob' });
  application.answer(({ path }) =>
    path === '/voice'
      ? '<Dial sequential="true" timeout="3" action="/done"><Number>+15550123</Number><Client>bob</Client></Dial>'
      : '<Hangup/>',
  );
  const caller = await callWithProbe({ server: sip, number: application.number });
  await expect(bob.page.getByTestId('incoming-card')).toHaveCount(0);
  await expect(bob.page.getByTestId('incoming-card')).toBeVisible();
  await bob.page.getByTestId('answer').click();
  await bob.waitToHear(PSTN_TONE);
  await bob.page.getByTestId('hangup').click();
  await caller.byeReceived;
  const done = await application.waitForRequest(({ path }) => path === '/done');
  expect(done.params['DialCallStatus']).toBe('completed');
  await caller.hangup();

  application.answer(({ path }) =>
    path === '/voice' ? '<Dial timeout="2" action="/done"><Number>+15550123</Number></Dial>' : '<Hangup/>',
  );
  const lonely = await callWithProbe({ server: sip, number: application.number });
  const failed = await application.waitForRequest(({ path }) => path === '/done');
  expect(failed.params['DialCallStatus']).toBe('failed');
  await lonely.byeReceived;
  await lonely.hangup();
});

test('CR-1 Dial: the caller ends the conversation with * and goes on in the action', async ({
  server,
  application,
  agent,
  pstn,
}) => {
  application.answer((request) => {
    if (request.path === '/voice') return '<Dial hangupOnStar="true" action="/done"><Client>alice</Client></Dial>';
    if (request.path === '/done') return `<Play>/${SECOND}.wav</Play><Hangup/>`;
    return recording(request) ?? '';
  });
  const alice = await agent({ identity: 'alice' });
  const peer = await pstn();
  await peer.dial(await pstnUri(server, application.number));
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);
  await alice.page.waitForTimeout(500);
  await peer.sendDigit('*');
  await expect(alice.page.getByTestId('call-status')).toHaveCount(0);
  await peer.event('CALL_CLOSED');
  const done = application.requests.find(({ path }) => path === '/done');
  expect(done?.params).toMatchObject({ DialCallStatus: 'completed', DialBridged: 'true' });
  const [file = 'no recording'] = await peer.recordings();
  const wav = await readWav(file);
  const [agentSpan = [0, 0]] = spans(tonePresence(wav, AGENT_TONE)).slice(-1);
  const [playSpan = [0, 0]] = spans(tonePresence(wav, SECOND)).slice(-1);
  expect(playSpan[1] - playSpan[0]).toBeGreaterThan(0.8);
  expect(playSpan[0], 'the recording comes after the agent').toBeGreaterThan(agentSpan[1] - 0.05);
});

test('CR-3 the fallback URL is asked with what went wrong, and its instructions run', async ({
  server,
  application,
}) => {
  const { sip } = await server.state();
  application.answer(({ path }) =>
    path === '/voice' ? { status: 500, type: 'text/plain', body: 'broken' } : '<Reject reason="busy"/>',
  );
  const caller = await callWithProbe({ server: sip, number: application.number });
  expect(await caller.final).toBe(486);
  await caller.hangup();
  const fallback = application.requests.find(({ path }) => path === '/fallback');
  expect(fallback?.params).toMatchObject({ ErrorCode: '11200', ErrorUrl: `${application.url}/voice` });
});

test('CR-3 status callbacks come in order, each signed', async ({ server, application, agent }) => {
  const { sip } = await server.state();
  const { authToken } = await server.credentials();
  const noun = 'statusCallback="/progress" statusCallbackEvent="initiated ringing answered completed"';
  application.answer(({ path }) =>
    path === '/voice' ? `<Dial answerOnBridge="true"><Client ${noun}>alice</Client></Dial>` : '',
  );
  const alice = await agent({ identity: 'alice' });
  const caller = await callWithProbe({ server: sip, number: application.number });
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);
  await caller.hangup();
  await application.waitForRequest(({ path }) => path === '/status');
  await application.waitForRequest(({ path, params }) => path === '/progress' && params['CallStatus'] === 'completed');
  const told = application.requests.filter(({ path }) => path === '/progress').map(({ params }) => params);
  expect(told.map((params) => params['CallStatus'])).toEqual(['initiated', 'ringing', 'in-progress', 'completed']);
  expect(told.map((params) => params['SequenceNumber'])).toEqual(['0', '1', '2', '3']);
  expect(new Set(told.map((params) => params['CallSid'])).size).toBe(1);
  for (const { path, params, headers } of application.requests) {
    const sorted = Object.keys(params).sort();
    const text = `${application.url}${path}${sorted.map((name) => `${name}${params[name] ?? ''}`).join('')}`;
    const expected = createHmac('sha1', authToken).update(text).digest('base64');
    expect(headers['x-twilio-signature'], path).toBe(expected);
  }
});
