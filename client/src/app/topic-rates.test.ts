import { describe, expect, it } from 'vitest';
import { MAX_TOPICS, PLOT_SECONDS, TopicRates } from './topic-rates.ts';

const NOW = 1_700_000_000_000;

describe('rates of topics', () => {
  it('counts by second: the last full ones, oldest first, the running one not yet', () => {
    const rates = new TopicRates();
    rates.add('a', NOW);
    rates.add('a', NOW + 999);
    rates.add('b', NOW + 1000);
    rates.add('b', NOW + 3500);
    expect(rates.snapshot(NOW + 3999).perSecond.slice(-3)).toEqual([2, 1, 0]);
    const { perSecond, rate, total, topics } = rates.snapshot(NOW + 4000);
    expect(perSecond).toHaveLength(PLOT_SECONDS);
    expect(perSecond.slice(-5)).toEqual([0, 2, 1, 0, 1]);
    expect([rate, total]).toEqual([0.4, 4]);
    expect(topics).toEqual([
      { topic: 'a', count: 2 },
      { topic: 'b', count: 2 },
    ]);
  });

  it('forgets what is older than the plot, after a pause of any length; a clock set back does not matter', () => {
    const rates = new TopicRates();
    rates.add('a', NOW);
    expect(rates.snapshot(NOW + PLOT_SECONDS * 1000).perSecond[0]).toBe(1);
    expect(rates.snapshot(NOW + (PLOT_SECONDS + 1) * 1000).perSecond).not.toContain(1);
    rates.add('a', NOW + 86_400_000);
    rates.add('a', NOW);
    expect(rates.snapshot(NOW + 86_401_000).perSecond.filter((count) => count > 0)).toEqual([2]);
  });

  it('counts topics one by one up to a bound, the others together', () => {
    const rates = new TopicRates();
    for (let n = 0; n < MAX_TOPICS + 7; n++) rates.add(`t${n}`, NOW);
    rates.add('t3', NOW);
    const { topics, others, total } = rates.snapshot(NOW);
    expect([topics.length, others, total]).toEqual([MAX_TOPICS, 7, MAX_TOPICS + 8]);
    expect(topics[0]).toEqual({ topic: 't3', count: 2 });
  });
});
