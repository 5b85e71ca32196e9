import { AGENT_TONE, PSTN_TONE, SECOND_AGENT_TONE, expect, test } from '../fixtures/test.ts';
import { dominantTone, readWav, tonePresence } from '../fixtures/tone.ts';

test('BR-4 an agent calls a number: the PSTN side answers and both hear each other', async ({ agent, pstn }) => {
  const peer = await pstn();
  const alice = await agent({ identity: 'alice' });
  await alice.page.getByTestId('dial-input').fill('+15550123');
  await alice.page.getByTestId('dial-call').click();
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

test('BR-4 one agent calls another: both hear each other, in Opus', async ({ agent }) => {
  const bob = await agent({ identity: 'bob', toneHz: SECOND_AGENT_TONE });
  const alice = await agent({ identity: 'alice' });
  await alice.page.getByTestId('dial-input').fill('client:bob');
  await alice.page.getByTestId('dial-call').click();
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
