import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { seededRandom, silentLog, systemClock } from '../../kernel/index.ts';
import type { SessionRecord, SessionScope, SessionStore } from './ports.ts';
import { emptySession } from './session.ts';
import { StoredSessionState } from './stored-session-state.ts';

const pair = (accountSid: string, from: string, to: string): SessionScope => ({ kind: 'pair', accountSid, from, to });

/** The contract of `SessionStore`. `open` gives another view on the same sessions, as another node has it. */
export function sessionStoreConformance(
  name: string,
  start: () => Promise<{ open: () => Promise<SessionStore>; close: () => Promise<void> }>,
): void {
  describe(`sessions in ${name}`, () => {
    let world: Awaited<ReturnType<typeof start>>;
    let store: SessionStore;
    let other: SessionStore;
    beforeAll(async () => {
      world = await start();
      store = await world.open();
      other = await world.open();
    }, 60_000);
    afterAll(async () => {
      await world.close();
    });

    it('are created once, changed by compare-and-swap, and removed', async () => {
      const scope = pair('AC1', 'client:support/alice@example.com', '+15550100');
      const record: SessionRecord = emptySession(scope, 5);
      await store.put(record, undefined);
      await expect(other.put(record, undefined)).rejects.toMatchObject({ reason: 'conflict' });
      const held = await other.get(scope);
      expect(held?.record).toEqual(record);
      await other.put({ ...record, usedAt: 6 }, held?.revision);
      await expect(store.put(record, held?.revision)).rejects.toMatchObject({ reason: 'conflict' });
      expect((await store.get(scope))?.record.usedAt).toBe(6);
      await store.remove(scope);
      expect(await other.get(scope)).toBeUndefined();
      await other.put(record, undefined);
    });

    it('SS-6 are listed for one account alone', async () => {
      await store.put(emptySession(pair('AC.2', '+1', '+2'), 1), undefined);
      await store.put(emptySession({ kind: 'call', accountSid: 'AC.2', callSid: 'CA1' }, 1), undefined);
      await store.put(emptySession(pair('AC.23', '+1', '+2'), 1), undefined);
      expect(await other.scopes('AC.2')).toHaveLength(2);
      expect(await other.scopes('AC')).toEqual([]);
    });

    it('SS-5 cookies of many requests at a time on two nodes are all kept', async () => {
      const states = [store, other].map(
        (each) =>
          new StoredSessionState({
            store: each,
            clock: systemClock,
            random: seededRandom(1),
            log: silentLog,
            patienceMs: 20_000,
          }),
      );
      const key = { accountSid: 'AC1', callSid: 'CA1', from: '+15550101', to: '+15550102' };
      const url = 'http://app.test/voice';
      await Promise.all(
        Array.from({ length: 40 }, async (_, n) => {
          const turn = await states[n % 2]!.begin(key, url);
          await turn.keep([`c${n}=${n}`]);
        }),
      );
      const { cookies } = await states[0]!.begin(key, url);
      expect(new Set(cookies?.split('; '))).toEqual(new Set(Array.from({ length: 40 }, (_, n) => `c${n}=${n}`)));
    }, 60_000);

    it('SS-2 call 1 on one node, call 2 on another: the same session, and no other pairing has it', async () => {
      const clock = new FakeClock();
      const make = (each: SessionStore): StoredSessionState =>
        new StoredSessionState({ store: each, clock, random: seededRandom(2), log: silentLog });
      const key = { accountSid: 'AC1', callSid: 'CA1', from: '+15550177', to: '+15550100' };
      const url = 'http://app.test/voice';
      const turn = await make(store).begin(key, url);
      await turn.keep(['sid=abc; HttpOnly']);
      const there = make(other);
      expect((await there.begin({ ...key, callSid: 'CA2' }, url)).cookies).toBe('sid=abc');
      expect((await there.begin({ ...key, accountSid: 'AC9' }, url)).cookies).toBeUndefined();
      expect((await there.begin({ ...key, from: '+15550178' }, url)).cookies).toBeUndefined();
      expect((await there.begin({ ...key, to: '+15550101' }, url)).cookies).toBeUndefined();
    });
  });
}
