import { openExpress } from '../fixtures/express-application.ts';
import { levelOf, phoneHears, phoneHearsNo, phoneHearsSound, phoneInCall } from '../fixtures/hearing.ts';
import { arrivalsOf } from '../fixtures/rtp-stream.ts';
import { AGENT_TONE, SECOND_AGENT_TONE, expect, test } from '../fixtures/test.ts';
import { linearOfMuLaw, toneWav } from '../fixtures/tone.ts';

/** Real calls through application servers with express and the official helper library. */
const CALLER_TONE = 420;
/** Recordings: far from everybody's tone and its harmonics. */
const [LONG, NEXT, LAST] = [700, 1900, 1130];
/** Within so long after the request was answered the old audio is over. Measured: before the answer. */
const CUT_MS = 2000;

const isLoud = (payload: Buffer): boolean => payload.some((code) => linearOfMuLaw(code) > 2000);
const now = (): number => performance.timeOrigin + performance.now();

test('CR-5 warm transfer: the agent holds the caller, consults a second agent, connects the two and leaves', async ({
  server,
  agent,
}) => {
  const application = await openExpress(server, '+15550151');
  const { client, number } = application;
  const caller = Promise.withResolvers<string>();
  const room = (callSid: string): string => `talk ${callSid}`;
  application.voice('/voice', async (twiml, { CallSid = '' }) => {
    // The caller is put into a conference, and the agent called into it. Whoever of the agents leaves, it goes on.
    const options = { beep: 'false', endConferenceOnExit: true } as const;
    twiml.dial().conference(options, room(CallSid));
    const invited = { to: 'client:alice', from: number, label: 'first', beep: 'false' };
    await client.conferences(room(CallSid)).participants.create(invited);
    caller.resolve(CallSid);
  });
  const alice = await agent({ identity: 'alice' });
  const bob = await agent({ identity: 'bob', toneHz: SECOND_AGENT_TONE });
  const phone = await phoneInCall(server, number, CALLER_TONE);
  try {
    const callSid = await caller.promise;
    await alice.page.getByTestId('answer').click();
    await alice.waitToHear(CALLER_TONE);
    await phoneHears(phone, AGENT_TONE);

    // What REST shows follows the events within moments.
    const ongoing = { friendlyName: room(callSid), status: 'in-progress' } as const;
    await expect.poll(async () => (await client.conferences.list(ongoing)).length).toBe(1);
    const [conference] = await client.conferences.list(ongoing);
    const { participants } = client.conferences(conference?.sid ?? '');
    const present = async (): Promise<string[]> =>
      (await participants.list()).map(({ callSid: sid, label }) => label || sid).sort();
    await expect.poll(present).toEqual([callSid, 'first']);
    await participants(callSid).update({ hold: true });
    await participants.create({ to: 'client:bob', from: number, label: 'second', beep: 'false' });
    await bob.page.getByTestId('answer').click();
    await bob.waitToHear(AGENT_TONE);
    await alice.waitToHear(SECOND_AGENT_TONE);
    await phoneHearsNo(phone, AGENT_TONE);
    expect(levelOf(phone, SECOND_AGENT_TONE)).toBeLessThan(0.02);

    await participants(callSid).update({ hold: false });
    await phoneHears(phone, SECOND_AGENT_TONE);
    await phoneHears(phone, AGENT_TONE);
    await alice.page.getByTestId('hangup').click();
    await phoneHearsNo(phone, AGENT_TONE);
    await bob.waitToHear(CALLER_TONE);
    await phoneHears(phone, SECOND_AGENT_TONE);
    await expect.poll(present).toEqual([callSid, 'second']);
  } finally {
    await phone.hangup();
    await application.close();
  }
  await expect(bob.page.getByTestId('call-status')).toHaveCount(0);
});

test('CR-4 live redirect in mid-sentence: the old audio stops within moments and the new is heard, of Play and of Say', async ({
  server,
}) => {
  const application = await openExpress(server, '+15550152');
  const { app, client, number, url } = application;
  const calls = Promise.withResolvers<string>();
  app.get('/:hz.wav', (request, response) => {
    response.type('audio/wav').send(toneWav(Number(request.params.hz), 30));
  });
  application.voice('/voice', (twiml, { CallSid = '' }) => {
    twiml.play(`/${LONG}.wav`);
    calls.resolve(CallSid);
  });
  application.voice('/next', (twiml) => {
    twiml.play(`/${NEXT}.wav`);
  });
  const phone = await phoneInCall(server, number, CALLER_TONE);
  try {
    const callSid = await calls.promise;
    await phoneHears(phone, LONG);
    await client.calls(callSid).update({ url: `${url}/next` });
    const redirected = now();
    await phoneHears(phone, NEXT);
    await phoneHearsNo(phone, LONG);
    const cut = (arrivalsOf(phone.media.received, LONG).at(-1) ?? 0) - redirected;
    expect(cut).toBeLessThan(CUT_MS);

    const sentence = 'This sentence is long and tells of numbers: one two three four five six seven eight nine ten. ';
    await client.calls(callSid).update({ twiml: `<Response><Say>${sentence.repeat(10)}</Say></Response>` });
    await phoneHearsNo(phone, NEXT);
    await phoneHearsSound(phone);
    await client.calls(callSid).update({ twiml: `<Response><Play>${url}/${LAST}.wav</Play></Response>` });
    const interrupted = now();
    await phoneHears(phone, LAST);
    const [begun = Infinity] = arrivalsOf(phone.media.received, LAST);
    const speech = phone.media.received.filter(({ at, payload }) => at > interrupted && at < begun && isLoud(payload));
    expect((speech.at(-1)?.at ?? interrupted) - interrupted).toBeLessThan(CUT_MS);
    // From there on nothing but the tone: half of full scale is all there is.
    await expect.poll(() => levelOf(phone, LAST)).toBeGreaterThan(0.4);
  } finally {
    await phone.hangup();
    await application.close();
  }
});
