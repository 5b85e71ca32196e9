import { expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import { simulateFairness } from './fairness.ts';
import type { FairnessTrace } from './fairness.ts';

const TRACE: FairnessTrace = {
  channels: 200,
  holdSeconds: 60,
  classes: [
    { name: 'noisy', tenants: 1, weight: 1, calls: 10_000, noisy: true },
    { name: 'quiet', tenants: 300, weight: 1, calls: 12, noisy: false },
    { name: 'heavy', tenants: 100, weight: 2, calls: 24, noisy: false },
  ],
};

it('MT-1 one tenant queues 10,000 calls: each has its share by weight, the quiet ones wait as if alone', () => {
  const { jain, quietP95Ms, quietP95AloneMs } = simulateFairness(TRACE, () => seededRandom(7));
  expect(jain).toBeGreaterThan(0.99);
  expect(quietP95AloneMs).toBeGreaterThan(60_000);
  expect(quietP95Ms).toBeLessThan(1.5 * quietP95AloneMs);
});

it('is the same for the same seed', () => {
  const once = simulateFairness(TRACE, () => seededRandom(3));
  expect(simulateFairness(TRACE, () => seededRandom(3))).toEqual(once);
});
