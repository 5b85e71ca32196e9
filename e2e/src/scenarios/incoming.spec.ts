import type { Agent } from '../fixtures/agent.ts';
import type { Baresip } from '../fixtures/baresip.ts';
import { AGENT_TONE, PSTN_TONE, SECOND_AGENT_TONE, expect, pstnUri, test } from '../fixtures/test.ts';
import { dominantTone, readWav, tonePresence } from '../fixtures/tone.ts';

async function answer(agent: Agent): Promise<void> {
  await expect(agent.page.getByTestId('incoming-card')).toBeVisible();
  await agent.page.getByTestId('answer').click();
  await expect(agent.page.getByTestId('call-status')).toHaveAttribute('data-state', 'open');
}

/** After the call: what the PSTN side recorded is the agent's tone, for at least `seconds`. */
async function expectRecorded(pstn: Baresip, hz: number, seconds: number): Promise<void> {
  const [file = 'no recording'] = await pstn.recordings();
  const wav = await readWav(file);
  const present = tonePresence(wav, hz);
  const first = present.indexOf(true);
  expect(first, `no ${hz} Hz in ${wav.samples.length} samples`).toBeGreaterThanOrEqual(0);
  const heard = wav.samples.subarray(Math.round(first * 0.02 * wav.rate));
  const tone = dominantTone(heard, wav.rate);
  expect(Math.abs(tone.hz - hz), `dominant tone ${tone.hz} Hz`).toBeLessThanOrEqual(5);
  expect(present.filter(Boolean).length * 0.02).toBeGreaterThan(seconds);
}

for (const codec of ['PCMU', 'PCMA'] as const) {
  test(`BR-4 a PSTN call rings the browser, is answered, and both hear each other (${codec})`, async ({
    server,
    agent,
    pstn,
  }) => {
    const alice = await agent({ identity: 'alice' });
    const peer = await pstn({ codec });
    await peer.dial(await pstnUri(server));
    await answer(alice);
    await peer.event('CALL_ESTABLISHED');
    await alice.waitToHear(PSTN_TONE);
    await alice.page.waitForTimeout(1500);
    await alice.page.getByTestId('hangup').click();
    await peer.event('CALL_CLOSED');
    await expectRecorded(peer, AGENT_TONE, 1.2);
  });
}

test('BR-4 the caller hangs up: the browser is told', async ({ server, agent, pstn }) => {
  const alice = await agent({ identity: 'alice' });
  const peer = await pstn();
  await peer.dial(await pstnUri(server));
  await answer(alice);
  await alice.waitToHear(PSTN_TONE);
  await peer.hangup();
  await expect(alice.page.getByTestId('call-status')).toHaveCount(0);
  await expect(alice.page.getByTestId('registration-status')).toHaveAttribute('data-state', 'registered');
});

test('CR-1 DTMF passes both ways', async ({ server, agent, pstn }) => {
  const alice = await agent({ identity: 'alice' });
  const peer = await pstn();
  await peer.dial(await pstnUri(server));
  await answer(alice);
  await alice.waitToHear(PSTN_TONE);
  for (const digit of ['5', '#']) {
    await peer.sendDigit(digit);
    await expect(alice.page.getByTestId('digits-received')).toContainText(digit);
  }
  for (const digit of ['7', '9']) await alice.page.getByTestId(`keypad-${digit}`).click();
  expect((await peer.event('CALL_DTMF_START')).param).toBe('7');
  expect((await peer.event('CALL_DTMF_START')).param).toBe('9');
  await alice.waitToHear(PSTN_TONE);
  await peer.hangup();
});

test('BR-5 two browsers ring, one answers, the other is told where', async ({ server, agent, pstn, events }) => {
  const first = await agent({ identity: 'alice' });
  const second = await agent({ identity: 'alice', toneHz: SECOND_AGENT_TONE });
  const seen = await events();
  const peer = await pstn();
  await peer.dial(await pstnUri(server));
  await expect(first.page.getByTestId('incoming-card')).toBeVisible();
  await answer(second);
  await expect(first.page.getByTestId('incoming-card')).toHaveCount(0);
  const cancel = await seen.waitFor('client.cancel');
  expect(cancel.data['reason']).toBe('answered-elsewhere');
  await second.waitToHear(PSTN_TONE);
  await second.page.waitForTimeout(1000);
  await second.page.getByTestId('hangup').click();
  await peer.event('CALL_CLOSED');
  await expectRecorded(peer, SECOND_AGENT_TONE, 0.8);
});

test('BR-6 the caller gives up while it rings: the browser stops ringing', async ({
  server,
  agent,
  pstn,
  events,
  application,
}) => {
  const alice = await agent({ identity: 'alice' });
  const seen = await events();
  const peer = await pstn();
  application.answer(() => '<Dial answerOnBridge="true"><Client>alice</Client></Dial>');
  await peer.dial(await pstnUri(server, application.number));
  await expect(alice.page.getByTestId('incoming-card')).toBeVisible();
  await peer.hangup();
  await expect(alice.page.getByTestId('incoming-card')).toHaveCount(0);
  const cancel = await seen.waitFor('client.cancel');
  expect(cancel.data['reason']).toBe('caller-hung-up');
  const ended = await seen.waitFor('call.ended', (event) => event.data['parentCallSid'] === undefined);
  expect(ended.data['status']).toBe('canceled');
});

test('BR-6 one device rejects: the other one goes on ringing and answers', async ({
  server,
  agent,
  pstn,
  application,
}) => {
  const first = await agent({ identity: 'alice' });
  const second = await agent({ identity: 'alice', toneHz: SECOND_AGENT_TONE });
  const peer = await pstn();
  application.answer(() => '<Dial answerOnBridge="true"><Client>alice</Client></Dial>');
  await peer.dial(await pstnUri(server, application.number));
  await first.page.getByTestId('reject').click();
  await expect(first.page.getByTestId('incoming-card')).toHaveCount(0);
  await answer(second);
  await second.waitToHear(PSTN_TONE);
  await peer.hangup();
});

interface Outcome {
  readonly what: string;
  readonly identity: string;
  /** What the agent does when it rings; undefined: the identity has no device. */
  readonly act: ((agent: Agent) => Promise<void>) | undefined;
  readonly status: string;
  /** Seconds that it rings. */
  readonly timeout: number;
}

const OUTCOMES: readonly Outcome[] = [
  {
    what: 'rejected by every device',
    identity: 'alice',
    act: (agent) => agent.page.getByTestId('reject').click(),
    status: 'busy',
    timeout: 30,
  },
  {
    what: 'nobody answers in time',
    identity: 'alice',
    act: () => Promise.resolve(),
    status: 'no-answer',
    timeout: 3,
  },
  {
    what: 'nobody is registered',
    identity: 'nobody',
    act: undefined,
    status: 'failed',
    timeout: 30,
  },
];

for (const { what, identity, act, status, timeout } of OUTCOMES) {
  test(`BR-6 ${what}: the application is told ${status}`, async ({ server, agent, pstn, application }) => {
    const device = act === undefined ? undefined : await agent({ identity });
    const peer = await pstn();
    application.answer(({ path }) =>
      path === '/voice' ? `<Dial timeout="${timeout}" action="/done"><Client>${identity}</Client></Dial>` : '<Hangup/>',
    );
    await peer.dial(await pstnUri(server, application.number));
    if (device !== undefined && act !== undefined) {
      await expect(device.page.getByTestId('incoming-card')).toBeVisible();
      await act(device);
    }
    await peer.event('CALL_CLOSED', 20_000);
    const done = application.requests.find(({ path }) => path === '/done');
    expect(done?.params['DialCallStatus']).toBe(status);
    if (device !== undefined) await expect(device.page.getByTestId('incoming-card')).toHaveCount(0);
  });
}
