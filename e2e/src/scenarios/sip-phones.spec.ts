import { hookswitch } from '../fixtures/application.ts';
import type { Baresip } from '../fixtures/baresip.ts';
import { AGENT_TONE, PHONE_TONE, PSTN_TONE, expect, pstnUri, test } from '../fixtures/test.ts';
import { dominantTone, readWav, tonePresence } from '../fixtures/tone.ts';

const PHONE = 'sip:phone@phones.hookswitch.internal';
const DIAL_PHONE = `<Dial timeout="10" action="/after"><Sip>${PHONE}</Sip></Dial>`;

/** After the call: what it heard last was this tone alone, for so many seconds. */
async function expectHeard(who: Baresip, hz: number, seconds: number): Promise<void> {
  const file = (await who.recordings()).at(-1) ?? 'no recording';
  const wav = await readWav(file);
  const present = tonePresence(wav, hz);
  const first = present.indexOf(true);
  expect(first, `no ${hz} Hz in ${wav.samples.length} samples`).toBeGreaterThanOrEqual(0);
  const tone = dominantTone(wav.samples.subarray(Math.round(first * 0.02 * wav.rate)), wav.rate);
  expect(Math.abs(tone.hz - hz), `dominant tone ${tone.hz} Hz`).toBeLessThanOrEqual(5);
  expect(present.filter(Boolean).length * 0.02).toBeGreaterThan(seconds);
}

for (const transport of ['udp', 'tcp'] as const) {
  test.describe(`baresip as a registered phone over ${transport}`, () => {
    test('calls a number of the application: a browser answers, both hear each other', async ({ agent, phone }) => {
      const alice = await agent({ identity: 'alice' });
      const desk = await phone({ transport });
      await desk.dial('sip:+15550100@phones.hookswitch.internal');
      await expect(alice.page.getByTestId('incoming-card')).toContainText('phone');
      await alice.page.getByTestId('answer').click();
      await desk.event('CALL_ESTABLISHED');
      await alice.waitToHear(PHONE_TONE);
      await alice.page.waitForTimeout(1500);
      await desk.hangup();
      await expect(alice.page.getByTestId('call-status')).toHaveCount(0);
      await expectHeard(desk, AGENT_TONE, 1.2);
    });

    test('is called by <Dial><Sip>: a PSTN caller and the phone hear each other and press keys', async ({
      server,
      application,
      phone,
      pstn,
    }) => {
      application.answer(({ path }) => (path === '/voice' ? DIAL_PHONE : '<Hangup/>'));
      const desk = await phone({ transport });
      const peer = await pstn();
      await peer.dial(await pstnUri(server, application.number));
      await desk.event('CALL_ESTABLISHED');
      await peer.event('CALL_ESTABLISHED');
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await peer.sendDigit('4');
      expect((await desk.event('CALL_DTMF_START')).param).toBe('4');
      await desk.sendDigit('6');
      expect((await peer.event('CALL_DTMF_START')).param).toBe('6');
      await new Promise((resolve) => setTimeout(resolve, 500));
      await desk.hangup();
      const { params } = await application.waitForRequest(({ path }) => path === '/after');
      expect(params['DialCallStatus']).toBe('completed');
      await peer.event('CALL_CLOSED');
      await expectHeard(desk, PSTN_TONE, 1.2);
      await expectHeard(peer, PHONE_TONE, 1.2);
    });
  });
}

test('a phone that unregistered, or whose connection is gone, is not there; it is again when it comes back', async ({
  server,
  application,
  phone,
  pstn,
}) => {
  application.answer(({ path }) => (path === '/voice' ? DIAL_PHONE : '<Hangup/>'));
  const { account } = await server.state();
  const registered = async (): Promise<number> =>
    ((await hookswitch(server, 'phones', 'list', '--account', account)) as readonly unknown[]).length;
  const peer = await pstn();
  const called = async (): Promise<Readonly<Record<string, string>>> => {
    application.answer(({ path }) => (path === '/voice' ? DIAL_PHONE : '<Hangup/>'));
    await peer.dial(await pstnUri(server, application.number));
    return (await application.waitForRequest(({ path }) => path === '/after')).params;
  };
  const first = await phone({ transport: 'tcp' });
  expect(await registered()).toBe(1);
  await first.stop();
  await expect.poll(registered).toBe(0);
  expect(await called()).toMatchObject({ DialCallStatus: 'failed', DialSipResponseCode: '480' });

  const second = await phone({ transport: 'tcp' });
  await second.kill();
  expect((await called())['DialCallStatus']).not.toBe('completed');

  const third = await phone({ transport: 'tcp' });
  const done = called();
  await third.event('CALL_ESTABLISHED');
  await third.hangup();
  expect((await done)['DialCallStatus']).toBe('completed');
});
