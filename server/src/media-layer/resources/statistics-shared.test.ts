import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TestNats } from '../../bus/testing/test-nats.ts';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import { createMetrics } from '../../kernel/index.ts';
import { NatsCounts } from './statistics-shared.nats.ts';
import { countTogether } from './statistics-shared.ts';
import { Statistics } from './statistics.ts';

const [ACCOUNT, OTHER] = [`AC${'a'.repeat(32)}`, `AC${'b'.repeat(32)}`];
let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
}, 60_000);
afterAll(() => nats.close());

function open(node: string, nodes: readonly string[], waitMs?: number): { statistics: Statistics; others: NatsCounts } {
  const statistics = new Statistics(createMetrics());
  const timing = waitMs === undefined ? {} : { waitMs };
  return { statistics, others: new NatsCounts({ bus: nats.bus, node, statistics, nodes: () => nodes, ...timing }) };
}

it('MC-10 every process shows what all of them did for an account, and for it alone', async () => {
  const three = ['a', 'b', 'c'].map((node) => open(node, ['a', 'b', 'c'], 30_000));
  for (const [n, { statistics }] of three.entries()) {
    for (let times = 0; times <= n; times++) statistics.converted(ACCOUNT, 100);
    statistics.served(ACCOUNT, 10);
  }
  for (const one of three) {
    const { counts, processes } = await countTogether(ACCOUNT, one);
    expect(counts).toMatchObject({ conversions: 6, conversionMs: 600, hits: 3, bytes: 30 });
    expect(processes).toBe(3);
    expect((await countTogether(OTHER, one)).counts).toMatchObject({ conversions: 0, hits: 0 });
  }
  for (const { others } of three) others.close();
});

it('MC-10 who does not answer is left out; where there is nobody else nobody is asked', async () => {
  const one = open('a', ['a', 'gone'], 50);
  one.statistics.served(ACCOUNT, 10);
  expect(await countTogether(ACCOUNT, one)).toMatchObject({ processes: 1, counts: { hits: 1 } });
  const alone = open('b', ['b']);
  expect((await countTogether(ACCOUNT, alone)).processes).toBe(1);
  one.others.close();
  alone.others.close();
});
