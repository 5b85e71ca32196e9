import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../../bus/testing/eventually.ts';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import { NatsSpend } from './shared-spend.nats.ts';

const ACCOUNT = `AC${'1'.repeat(32)}`;
let nats: Awaited<ReturnType<typeof startTestNats>>;
beforeEach(async () => {
  nats = await startTestNats();
});
afterEach(() => nats.close());

it('MT-10 nodes add up what an account spends, none of it is lost or counted twice, and it outlives them', async () => {
  const nodes = [await NatsSpend.open(nats.bus), await NatsSpend.open(nats.bus)] as const;
  for (let n = 0; n < 50; n++) nodes[n % 2]?.add(ACCOUNT, { calls: 1, amount: 3 });
  // Its own at once.
  expect(nodes[0].of(ACCOUNT).inDay).toBeGreaterThanOrEqual(75);
  await eventually(() => {
    expect(nodes.map((node) => node.of(ACCOUNT).inDay)).toEqual([150, 150]);
  });
  expect(nodes.map((node) => [...node.accounts()])).toEqual([[ACCOUNT], [ACCOUNT]]);
  nodes[1].add(ACCOUNT, { calls: 0, amount: -30 });
  for (const node of nodes) await node.close();
  const later = await NatsSpend.open(nats.bus);
  expect(later.of(ACCOUNT).inDay).toBe(120);
  await later.close();
});
