import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import { planShards } from './shard-plan.ts';

/** Everybody does what its plan says, at once. */
function settleOnce(holders: (string | undefined)[], nodes: string[]): { next: (string | undefined)[]; moves: number } {
  const next = [...holders];
  let moves = 0;
  const taken = new Set<number>();
  for (const node of nodes) {
    const plan = planShards(holders, nodes, node);
    for (const shard of plan.release) {
      next[shard] = undefined;
      moves++;
    }
    for (const shard of plan.take) {
      expect(taken.has(shard)).toBe(false);
      taken.add(shard);
      next[shard] = node;
    }
  }
  return { next, moves };
}

describe('the plan of shards', () => {
  it('one node takes everything', () => {
    expect(planShards([undefined, undefined], ['a'], 'a')).toEqual({ take: [0, 1], release: [] });
  });

  it('a newcomer gets its part and no more changes hands', () => {
    expect(planShards(['a', 'a', 'a', 'a'], ['a', 'b'], 'a')).toEqual({ take: [], release: [2, 3] });
    expect(planShards(['a', 'a', 'a', 'a'], ['a', 'b'], 'b')).toEqual({ take: [], release: [] });
    expect(planShards(['a', 'a', undefined, undefined], ['a', 'b'], 'b')).toEqual({ take: [2, 3], release: [] });
  });

  it('who has the odd shard keeps it', () => {
    expect(planShards(['a', 'b', 'b'], ['a', 'b'], 'b')).toEqual({ take: [], release: [] });
  });

  it('who offers no more gives everything up', () => {
    expect(planShards(['a', 'b'], ['b'], 'a')).toEqual({ take: [], release: [0] });
  });

  it('reaches balance in two rounds from anywhere, nobody taking what another one takes', () => {
    const random = seededRandom(4);
    for (let round = 0; round < 300; round++) {
      const nodes = Array.from({ length: 1 + random.int(5) }, (_, at) => `n${at}`);
      const shards = 1 + random.int(12);
      const start = Array.from({ length: shards }, () =>
        random.int(3) === 0 ? undefined : nodes[random.int(nodes.length)],
      );
      const { next: half } = settleOnce(start, nodes);
      const { next } = settleOnce(half, nodes);
      const counts = nodes.map((node) => next.filter((holder) => holder === node).length);
      expect(next).not.toContain(undefined);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      expect(settleOnce(next, nodes)).toEqual({ next, moves: 0 });
    }
  });
});
