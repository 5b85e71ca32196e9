import type { Agent } from '../fixtures/agent.ts';
import { callWithProbe } from '../fixtures/sip-probe.ts';
import { expect, test } from '../fixtures/test.ts';

const PEOPLE = ['support/tier1/alice', 'support/tier1/bob', 'support/tier2/carol', 'support-desk'] as const;

/** What is dialled, and who rings. */
const TARGETS: readonly (readonly [nouns: string, rings: readonly string[]])[] = [
  ['<Client>support/tier1/alice</Client>', ['support/tier1/alice']],
  ['<Client>support/tier1/*</Client>', ['support/tier1/alice', 'support/tier1/bob']],
  ['<Client>support/*</Client>', ['support/tier1/alice', 'support/tier1/bob', 'support/tier2/carol']],
  ['<Client>support-desk</Client><Client>support/tier2/carol</Client>', ['support/tier2/carol', 'support-desk']],
];

test('BR-2 an identity, a prefix and a list ring the devices they name, and no other', async ({
  server,
  agent,
  application,
}) => {
  const { sip } = await server.state();
  const agents: Agent[] = [];
  for (const identity of PEOPLE) agents.push(await agent({ identity }));
  const ringing = async (): Promise<string[]> => {
    const cards = await Promise.all(agents.map(({ page }) => page.getByTestId('incoming-card').count()));
    return PEOPLE.filter((_, index) => cards[index] === 1);
  };
  for (const [nouns, rings] of TARGETS) {
    application.answer(() => `<Dial answerOnBridge="true">${nouns}</Dial>`);
    const caller = await callWithProbe({ server: sip, number: application.number });
    await expect.poll(ringing, { message: nouns }).toEqual(PEOPLE.filter((identity) => rings.includes(identity)));
    // A device that rings wrongly would do so now.
    await agents[0]?.page.waitForTimeout(200);
    expect(await ringing(), nouns).toHaveLength(rings.length);
    await caller.hangup();
    expect(await caller.final).toBe(487);
    await expect.poll(ringing, { message: nouns }).toEqual([]);
  }
});
