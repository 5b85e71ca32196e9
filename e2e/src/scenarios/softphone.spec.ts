import type { Agent } from '../fixtures/agent.ts';
import { callWithProbe } from '../fixtures/sip-probe.ts';
import { AGENT_TONE, PSTN_TONE, expect, pstnUri, test } from '../fixtures/test.ts';
import { readWav, tonePresence } from '../fixtures/tone.ts';

const RING_ALICE = '<Dial answerOnBridge="true" timeout="60"><Client>alice</Client></Dial>';

const callState = ({ page }: Agent): Promise<string | null> =>
  page.getByTestId('call-status').getAttribute('data-state');

test('BR-4 the softphone is worked by the keyboard alone', async ({ agent, pstn, sipp, server, application }) => {
  application.answer(() => RING_ALICE);
  const alice = await agent({ identity: 'alice' });
  const { keyboard } = alice.page;
  const peer = await pstn();

  // Escape rejects.
  await peer.dial(await pstnUri(server, application.number));
  await expect(alice.page.getByTestId('incoming-card')).toBeVisible();
  await keyboard.press('Escape');
  await peer.event('CALL_CLOSED');
  await expect(alice.page.getByTestId('incoming-card')).toHaveCount(0);

  // Enter answers, digits are sent, M mutes, Escape hangs up.
  await peer.dial(await pstnUri(server, application.number));
  await expect(alice.page.getByTestId('incoming-card')).toBeVisible();
  await keyboard.press('Enter');
  await expect(alice.page.getByTestId('call-status')).toHaveAttribute('data-state', 'open');
  await alice.waitToHear(PSTN_TONE);
  await keyboard.press('8');
  expect((await peer.event('CALL_DTMF_START')).param).toBe('8');
  await keyboard.press('m');
  await expect(alice.page.getByTestId('mute')).toHaveAttribute('aria-pressed', 'true');
  await keyboard.press('m');
  await expect(alice.page.getByTestId('mute')).toHaveAttribute('aria-pressed', 'false');
  await keyboard.press('Escape');
  await peer.event('CALL_CLOSED');
  await expect(alice.page.getByTestId('call-status')).toHaveCount(0);
  await peer.stop();

  // Digits dial, Enter calls.
  const called = await sipp({ scenario: 'answer-rings' });
  await keyboard.type('+15550123');
  await expect(alice.page.getByTestId('dial-input')).toHaveValue('+15550123');
  await keyboard.press('Enter');
  await expect.poll(() => callState(alice)).toBe('ringing');
  // The focus is nowhere now: the form it was in is gone.
  await keyboard.press('Escape');
  await called.done();
});

test('BR-4 mute is silence at the PSTN side, unmute is heard again; the timer counts', async ({
  agent,
  pstn,
  server,
  application,
}) => {
  application.answer(() => RING_ALICE);
  const alice = await agent({ identity: 'alice' });
  const peer = await pstn();
  await peer.dial(await pstnUri(server, application.number));
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);
  await alice.page.waitForTimeout(1000);
  await alice.page.getByTestId('mute').click();
  await alice.page.waitForTimeout(1500);
  await alice.page.getByTestId('mute').click();
  await alice.page.waitForTimeout(1000);
  await expect(alice.page.getByTestId('call-timer')).toHaveText(/^0:0[3-9]$/);
  await alice.page.getByTestId('hangup').click();
  await peer.event('CALL_CLOSED');
  const [file = 'no recording'] = await peer.recordings();
  const present = tonePresence(await readWav(file), AGENT_TONE);
  const first = present.indexOf(true);
  const last = present.lastIndexOf(true);
  const silent = present.slice(first, last).filter((there) => !there).length * 0.02;
  expect(silent, 'seconds of silence between the first and the last tone').toBeGreaterThan(1.2);
  expect(silent).toBeLessThan(2.2);
});

test('EV-1 the page lists the events of its call as they happen', async ({ agent, server, application }) => {
  application.answer(() => RING_ALICE);
  const { sip } = await server.state();
  const alice = await agent({ identity: 'alice' });
  const caller = await callWithProbe({ server: sip, number: application.number });
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);
  await caller.hangup();
  await expect(alice.page.getByTestId('call-status')).toHaveCount(0);
  const types = async (): Promise<(string | null)[]> => {
    const items = await alice.page.getByTestId('event-item').all();
    return (await Promise.all(items.map((item) => item.getAttribute('data-type')))).reverse();
  };
  await expect.poll(async () => (await types()).filter((type) => type === 'call.ended').length).toBe(2);
  const seen = await types();
  const order = ['call.initiated', 'client.incoming', 'client.accepted', 'call.answered', 'call.merged', 'call.ended'];
  expect(order.map((type) => seen.indexOf(type)).every((at, index, all) => at > (all[index - 1] ?? -1))).toBe(true);
  await alice.page.getByTestId('event-filter').fill('call.merged');
  await expect(alice.page.getByTestId('event-item')).toHaveCount(2);
});

test('BR-4 the softphone fits a phone 360 pixels wide', async ({ agent, server, application }) => {
  application.answer(() => RING_ALICE);
  const { sip } = await server.state();
  const alice = await agent({ identity: 'alice', viewport: { width: 360, height: 740 } });
  const overflow = (): Promise<number> =>
    alice.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(await overflow(), 'idle').toBe(0);
  const caller = await callWithProbe({ server: sip, number: application.number });
  await expect(alice.page.getByTestId('incoming-card')).toBeVisible();
  expect(await overflow(), 'ringing').toBe(0);
  for (const id of ['answer', 'reject']) await expect(alice.page.getByTestId(id)).toBeInViewport({ ratio: 1 });
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);
  expect(await overflow(), 'in the call').toBe(0);
  await alice.page.getByTestId('hangup').click();
  await caller.byeReceived;
  await caller.hangup();
});

test('BR-8 a page that is reloaded during a call hangs up at once, and can be called again', async ({
  agent,
  server,
  application,
  events,
}) => {
  application.answer(() => RING_ALICE);
  const { sip } = await server.state();
  const seen = await events();
  const alice = await agent({ identity: 'alice' });
  const first = await callWithProbe({ server: sip, number: application.number });
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);
  alice.page.on('dialog', (dialog) => void dialog.accept());
  await alice.page.reload();
  await first.byeReceived;
  const ended = await seen.waitFor('call.ended', (event) => event.data['parentCallSid'] !== undefined);
  expect(ended.data['cause']).toBe('hangup-callee');
  await first.hangup();
  await expect(alice.page.getByTestId('registration-status')).toHaveAttribute('data-state', 'registered');
  await expect(alice.page.getByTestId('call-status')).toHaveCount(0);

  const second = await callWithProbe({ server: sip, number: application.number });
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);
  await second.hangup();
});

test('BR-7 a page that is closed is not registered any more, from that moment on', async ({
  agent,
  server,
  application,
  events,
}) => {
  const { sip } = await server.state();
  const seen = await events();
  application.answer(({ path }) =>
    path === '/voice' ? '<Dial action="/done"><Client>alice</Client></Dial>' : '<Hangup/>',
  );
  const stays = await agent({ identity: 'alice' });
  const leaves = await agent({ identity: 'alice' });
  await leaves.page.close({ runBeforeUnload: true });
  await seen.waitFor('client.unregistered');
  const caller = await callWithProbe({ server: sip, number: application.number });
  await stays.page.getByTestId('reject').click();
  const done = await application.waitForRequest(({ path }) => path === '/done');
  expect(done.params['DialCallStatus']).toBe('busy');
  await caller.hangup();
});
