import { expect, test } from '../fixtures/test.ts';
import type { Agent } from '../fixtures/agent.ts';

const RING_ALICE = '<Dial answerOnBridge="true"><Client>alice</Client></Dial>';
/** What sipp plays: see fixtures/sipp. */
const SIPP_TONE = 1000;

async function answer({ page }: Agent): Promise<void> {
  await page.getByTestId('answer').click({ timeout: 15_000 });
  await expect(page.getByTestId('call-status')).toHaveAttribute('data-state', 'open');
}

test('BR-4 a caller holds and resumes by re-INVITE: the browser hears nothing, then hears again', async ({
  application,
  agent,
  sipp,
  events,
}) => {
  application.answer(() => RING_ALICE);
  const seen = await events();
  const alice = await agent({ identity: 'alice' });
  const caller = await sipp({ call: true, scenario: 'hold-resume', number: application.number });
  await answer(alice);
  await alice.waitToHear(SIPP_TONE);
  const held = await seen.waitFor('call.held');
  expect(held.data['from']).toBe('+15550188');
  await expect(async () => {
    expect((await alice.hears()).level).toBeLessThan(0.005);
  }).toPass({ timeout: 3000, intervals: [50] });
  await seen.waitFor('call.resumed');
  await alice.waitToHear(SIPP_TONE);
  await alice.page.getByTestId('hangup').click();
  await caller.done();
  expect(seen.seen().filter(({ type }) => type === 'call.one-way-audio')).toEqual([]);
});

for (const { scenario, what } of [
  { scenario: 'pcma-only', what: 'a caller that takes PCMA only' },
  { scenario: 'late-offer', what: 'a caller that leaves the offer to us' },
]) {
  test(`BR-4 ${what} is heard, and is told of the hang-up`, async ({ application, agent, sipp }) => {
    application.answer(() => RING_ALICE);
    const alice = await agent({ identity: 'alice' });
    const caller = await sipp({ call: true, scenario, number: application.number });
    await answer(alice);
    await alice.waitToHear(SIPP_TONE);
    await alice.page.getByTestId('hangup').click();
    await caller.done();
  });
}

test('BR-6 a CANCEL while it rings gets its 487, and the browser stops ringing', async ({
  application,
  agent,
  sipp,
  events,
}) => {
  application.answer(() => RING_ALICE);
  const seen = await events();
  const alice = await agent({ identity: 'alice' });
  const caller = await sipp({ call: true, scenario: 'cancel', number: application.number });
  await expect(alice.page.getByTestId('incoming-card')).toBeVisible();
  await caller.done();
  await expect(alice.page.getByTestId('incoming-card')).toHaveCount(0);
  const ended = await seen.waitFor('call.ended', (event) => event.data['parentCallSid'] === undefined);
  expect(ended.data['status']).toBe('canceled');
});
