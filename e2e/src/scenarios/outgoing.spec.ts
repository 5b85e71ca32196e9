import type { Agent } from '../fixtures/agent.ts';
import { AGENT_TONE, PSTN_TONE, SECOND_AGENT_TONE, expect, test } from '../fixtures/test.ts';
import { dominantTone, readWav, tonePresence } from '../fixtures/tone.ts';

/** Whom baresip and sipp answer for. */
const PSTN_NUMBER = '+15550123';

async function dial({ page }: Agent, to: string): Promise<void> {
  await page.getByTestId('dial-input').fill(to);
  await page.getByTestId('dial-call').click();
}

test('BR-4 an agent calls a number: the PSTN side answers and both hear each other', async ({ agent, pstn }) => {
  const peer = await pstn();
  const alice = await agent({ identity: 'alice' });
  await dial(alice, PSTN_NUMBER);
  await peer.event('CALL_ESTABLISHED');
  await expect(alice.page.getByTestId('call-status')).toHaveAttribute('data-state', 'open');
  await alice.waitToHear(PSTN_TONE);
  await alice.page.waitForTimeout(1500);
  await peer.hangup();
  await expect(alice.page.getByTestId('call-status')).toHaveCount(0);
  const [file = 'no recording'] = await peer.recordings();
  const wav = await readWav(file);
  const present = tonePresence(wav, AGENT_TONE);
  expect(present.filter(Boolean).length * 0.02).toBeGreaterThan(1.2);
  const heard = wav.samples.subarray(Math.round(present.indexOf(true) * 0.02 * wav.rate));
  expect(Math.abs(dominantTone(heard, wav.rate).hz - AGENT_TONE)).toBeLessThanOrEqual(5);
});

test('BR-4 an agent calls a SIP address, sends digits and hangs up', async ({ agent, pstn }) => {
  const peer = await pstn();
  const alice = await agent({ identity: 'alice' });
  await dial(alice, peer.sipUri);
  await alice.waitToHear(PSTN_TONE);
  for (const digit of ['3', '*']) {
    await alice.page.getByTestId(`keypad-${digit}`).click();
    expect((await peer.event('CALL_DTMF_START')).param).toBe(digit);
  }
  await alice.page.getByTestId('hangup').click();
  await peer.event('CALL_CLOSED');
  await expect(alice.page.getByTestId('call-status')).toHaveCount(0);
});

test('BR-4 one agent calls another: both hear each other, in Opus', async ({ agent }) => {
  const bob = await agent({ identity: 'bob', toneHz: SECOND_AGENT_TONE });
  const alice = await agent({ identity: 'alice' });
  await dial(alice, 'client:bob');
  await expect(bob.page.getByTestId('incoming-card')).toBeVisible();
  await bob.page.getByTestId('answer').click();
  await alice.waitToHear(SECOND_AGENT_TONE);
  await bob.waitToHear(AGENT_TONE);
  await expect(alice.page.getByTestId('call-status')).toHaveAttribute('data-codec', 'opus');
  await expect(bob.page.getByTestId('call-status')).toHaveAttribute('data-codec', 'opus');
  await alice.waitToHear(SECOND_AGENT_TONE);
  await bob.waitToHear(AGENT_TONE);
  await bob.page.getByTestId('hangup').click();
  await expect(alice.page.getByTestId('call-status')).toHaveCount(0);
});

test('BR-4 early media of the called network is heard before the answer', async ({ agent, sipp, events }) => {
  const seen = await events();
  const called = await sipp({ scenario: 'answer-early-media' });
  const alice = await agent({ identity: 'alice' });
  await dial(alice, PSTN_NUMBER);
  await alice.waitToHear(PSTN_TONE);
  await expect(alice.page.getByTestId('call-status')).toHaveAttribute('data-state', 'ringing');
  await seen.waitFor('call.early-media');
  await expect(alice.page.getByTestId('call-status')).toHaveAttribute('data-state', 'open');
  await alice.waitToHear(PSTN_TONE);
  await alice.page.getByTestId('hangup').click();
  await called.done();
});

test('BR-6 the agent gives up while the called party rings: it is cancelled', async ({ agent, sipp, events }) => {
  const seen = await events();
  const called = await sipp({ scenario: 'answer-rings' });
  const alice = await agent({ identity: 'alice' });
  await dial(alice, PSTN_NUMBER);
  await expect(alice.page.getByTestId('call-status')).toHaveAttribute('data-state', 'ringing');
  // What a telephone plays while it rings, made here: 440 and 480 Hz.
  await expect.poll(async () => (await alice.hears()).level, { timeout: 8000 }).toBeGreaterThan(0.02);
  await alice.page.getByTestId('hangup').click();
  await called.done();
  const ended = await seen.waitFor('call.ended', (event) => event.data['parentCallSid'] !== undefined);
  expect(ended.data).toMatchObject({ status: 'canceled' });
});

/** How a call may fail to come about; the demo application says it in words and hangs up. */
const FAILURES = [
  { what: 'is busy', to: PSTN_NUMBER, scenario: 'answer-busy', status: 'busy', cause: 'busy' },
  {
    what: 'refuses with a server error',
    to: PSTN_NUMBER,
    scenario: 'answer-unwell',
    status: 'failed',
    cause: undefined,
  },
  {
    what: 'is a client without a device',
    to: 'nobody',
    scenario: undefined,
    status: 'failed',
    cause: 'not-registered',
  },
] as const;

for (const { what, to, scenario, status, cause } of FAILURES) {
  test(`BR-6 the called party ${what}: the agent is told in words, and the call ends`, async ({
    agent,
    sipp,
    events,
  }) => {
    const seen = await events();
    const called = scenario === undefined ? undefined : await sipp({ scenario });
    const alice = await agent({ identity: 'alice' });
    await dial(alice, to);
    const ended = await seen.waitFor('call.ended', (event) => event.data['parentCallSid'] !== undefined);
    expect(ended.data['status']).toBe(status);
    if (cause !== undefined) expect(ended.data['cause']).toBe(cause);
    await called?.done();
    // The spoken reason.
    await expect.poll(async () => (await alice.hears()).level, { timeout: 8000 }).toBeGreaterThan(0.01);
    await expect(alice.page.getByTestId('call-status')).toHaveCount(0, { timeout: 15_000 });
    await expect(alice.page.getByTestId('recent-call')).toHaveCount(1);
  });
}
