import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import type { TestNats } from '../../bus/testing/test-nats.ts';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { seededRandom } from '../../kernel/index.ts';
import { GroupClaims } from './group-claims.ts';
import { groupStoreConformance } from './group-store.conformance.ts';
import { MemoryGroupStore } from './group-store.memory.ts';
import { NatsGroupStore } from './group-store.nats.ts';
import type { GroupStore } from './ports.ts';

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(async () => {
  await nats.close();
});

groupStoreConformance('memory', () =>
  Promise.resolve({ store: new MemoryGroupStore(), close: () => Promise.resolve() }),
);
groupStoreConformance('NATS', async () => {
  const store = await NatsGroupStore.open(nats.bus);
  return {
    store,
    close: async () => {
      for (const accountSid of [`AC${'1'.repeat(32)}`, `AC${'9'.repeat(32)}`]) {
        for (const kind of ['queue', 'conference'] as const) {
          for (const each of await store.list(kind, accountSid)) {
            const held = await store.get(each);
            if (held !== undefined) await store.remove(held.record, held.revision);
          }
        }
      }
    },
  };
});

const KEY = { kind: 'conference', accountSid: `AC${'7'.repeat(32)}`, name: 'room' } as const;

function claimsOf(store: GroupStore, node: string, dead: ReadonlySet<string>): GroupClaims {
  const standing = {
    fence: 1,
    isAlive: (other: string) => !dead.has(other),
    isFenced: () => false,
    onLeft: () => () => undefined,
  };
  return new GroupClaims({
    store,
    node,
    standing,
    clock: new FakeClock(),
    random: seededRandom(node.charCodeAt(1)),
  });
}

describe('claims of groups', () => {
  it('CR-5 of ten nodes that claim a name at once one owns it, and all know which', async () => {
    const store = await NatsGroupStore.open(nats.bus);
    const dead = new Set<string>();
    const nodes = Array.from({ length: 10 }, (_, n) => claimsOf(store, `n${n}`, dead));
    const all = await Promise.all(nodes.map((claims) => claims.claim(KEY, { fresh: true })));
    const owners = new Set(all.map(({ record }) => `${String(record.node)} ${record.sid}`));
    expect(owners.size).toBe(1);
    expect(all.filter(({ made }) => made)).toHaveLength(1);

    const owner = String(all[0]!.record.node);
    dead.add(owner);
    const living = nodes.filter((claims) => claims.node !== owner);
    const again = await Promise.all(living.map((claims) => claims.claim(KEY, { fresh: true })));
    expect(new Set(again.map(({ record }) => record.node)).size).toBe(1);
    expect(again[0]!.record.sid).not.toBe(all[0]!.record.sid);
    const next = living.find((claims) => claims.node === again[0]!.record.node)!;
    await living.find((claims) => claims !== next)!.remove(KEY, again[0]!.record.sid);
    expect((await store.get(KEY))?.record.sid).toBe(again[0]!.record.sid);
    await next.remove(KEY, again[0]!.record.sid);
    expect(await store.get(KEY)).toBeUndefined();
  });

  it('CR-5 a queue that is taken over stays the same queue', async () => {
    const store = new MemoryGroupStore();
    const dead = new Set<string>();
    const [a, b] = [claimsOf(store, 'na', dead), claimsOf(store, 'nb', dead)];
    const key = { ...KEY, kind: 'queue' } as const;
    const first = await a.claim(key, { fresh: false });
    dead.add('na');
    const second = await b.claim(key, { fresh: false });
    expect([second.record.sid, second.record.node]).toEqual([first.record.sid, 'nb']);
    await b.disown(key, second.record.sid);
    expect(b.isOwned((await store.get(key))!.record)).toBe(false);
    expect(await b.removeUnowned('queue', KEY.accountSid, second.record.sid)).toBe(true);
  });
});
