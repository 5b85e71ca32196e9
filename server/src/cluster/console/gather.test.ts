import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { silentLog } from '../../kernel/index.ts';
import { Gatherer, accountsOf } from './gather.ts';
import { accountFacts } from './node-facts.ts';
import type { NodeFacts } from './ports.ts';

const facts = (accounts: NodeFacts['accounts']): NodeFacts => ({ accounts, trunks: [], queue: null });
const row = (accountSid: string, calls: number, connections = 0, subscriptions = 0) => ({
  ...{ accountSid, calls, connections, subscriptions },
});

describe('what the processes of a cluster say of themselves', () => {
  it('is added up over them; one that does not answer is named, and the others count', async () => {
    const clock = new FakeClock();
    const answers: Record<string, NodeFacts | Error> = {
      a: facts([row('AC1', 2, 3, 5), row('AC2', 1)]),
      b: facts([row('AC1', 1, 1, 1)]),
      c: new Error('no answer'),
      m: new Error('a process of the media layer alone is not asked'),
    };
    const gatherer = new Gatherer({
      cluster: {
        members: () =>
          Object.keys(answers).map((node) => ({ node, roles: node === 'm' ? ['media'] : ['gateway'] }) as never),
      },
      ask: (node) => {
        const answer = answers[node];
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer ?? facts([]));
      },
      clock,
      log: silentLog,
    });
    const gathered = await gatherer.all();
    expect(gathered.missing).toEqual(['c']);
    expect([...accountsOf(gathered).values()]).toEqual([row('AC1', 3, 4, 6), row('AC2', 1)]);
  });

  it('is asked for once by many who look at the same time, and again a moment later', async () => {
    const clock = new FakeClock();
    let asked = 0;
    const gatherer = new Gatherer({
      cluster: { members: () => [{ node: 'a', roles: ['call'] } as never] },
      ask: () => {
        asked++;
        return Promise.resolve(facts([]));
      },
      clock,
      log: silentLog,
    });
    await Promise.all([gatherer.all(), gatherer.all(), gatherer.all()]);
    await gatherer.all();
    expect(asked).toBe(1);
    clock.advance(600);
    await gatherer.all();
    expect(asked).toBe(2);
  });

  it('is one row an account, of calls and clients; whoever has nothing is left out, and of very many the quietest', () => {
    const calls = [{ accountSid: 'AC1' }, { accountSid: 'AC2' }, { accountSid: 'AC1' }];
    const uses = [
      { accountSid: 'AC1', connections: 4, subscriptions: 9 },
      { accountSid: 'AC3', connections: 0, subscriptions: 0 },
    ];
    expect(accountFacts({ calls, uses })).toEqual([row('AC1', 2, 4, 9), row('AC2', 1)]);
    const many = Array.from({ length: 2500 }, (_, n) => ({
      accountSid: `AC${n}`,
      connections: n + 1,
      subscriptions: 0,
    }));
    const kept = accountFacts({ calls: [], uses: many });
    expect([kept.length, kept[0]?.accountSid, kept.at(-1)?.accountSid]).toEqual([2000, 'AC2499', 'AC500']);
  });
});
