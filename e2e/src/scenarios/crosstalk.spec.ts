import { callWithProbe } from '../fixtures/sip-probe.ts';
import { AGENT_TONE, PSTN_TONE, SECOND_AGENT_TONE, expect, test } from '../fixtures/test.ts';
import { amplitudeAt } from '../fixtures/tone.ts';

const SECOND_PSTN_TONE = 2350;
/** Below this, dB under what is meant to be heard, is noise of the codecs. */
const NOTHING = -35;

test('BR-4 two calls at once: each agent hears its own caller alone, each caller its own agent alone', async ({
  server,
  agent,
  application,
}) => {
  const { sip } = await server.state();
  application.answer(({ params }) => {
    const who = params['To'] === application.number ? 'alice' : 'bob';
    return `<Dial answerOnBridge="true"><Client>${who}</Client></Dial>`;
  });
  const alice = await agent({ identity: 'alice' });
  const bob = await agent({ identity: 'bob', toneHz: SECOND_AGENT_TONE });
  const [first = '', second = ''] = application.numbers;
  const toAlice = await callWithProbe({ server: sip, number: first, toneHz: PSTN_TONE });
  const toBob = await callWithProbe({ server: sip, number: second, toneHz: SECOND_PSTN_TONE });
  await alice.page.getByTestId('answer').click();
  await bob.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);
  await bob.waitToHear(SECOND_PSTN_TONE);
  expect(await alice.hearsOf(SECOND_PSTN_TONE)).toBeLessThan(NOTHING);
  expect(await bob.hearsOf(PSTN_TONE)).toBeLessThan(NOTHING);
  expect(await alice.hearsOf(SECOND_AGENT_TONE)).toBeLessThan(NOTHING);

  const heard = (caller: typeof toAlice, hz: number): number => {
    const samples = caller.heard();
    return amplitudeAt(samples.subarray(-16_000), 8000, hz);
  };
  expect(heard(toAlice, AGENT_TONE)).toBeGreaterThan(0.1);
  expect(heard(toBob, SECOND_AGENT_TONE)).toBeGreaterThan(0.1);
  expect(heard(toAlice, SECOND_AGENT_TONE)).toBeLessThan(0.01);
  expect(heard(toBob, AGENT_TONE)).toBeLessThan(0.01);
  await toAlice.hangup();
  // The other call does not notice.
  await bob.waitToHear(SECOND_PSTN_TONE);
  await toBob.hangup();
});
