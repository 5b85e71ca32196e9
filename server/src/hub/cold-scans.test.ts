import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topicMatches } from '@hookswitch/shared';
import type { Position } from '@hookswitch/shared';
import { FakeClock, settle } from '../kernel/clock.fake.ts';
import { ColdScans } from './cold-scans.ts';
import type { ColdScansOptions } from './cold-scans.ts';
import { MemoryEventLog } from './event-log.memory.ts';
import type { LoggedEvent } from './ports.ts';
import { ACCOUNT, OTHER_ACCOUNT, event } from './testing/fixtures.ts';

function world(options: Partial<ColdScansOptions> = {}) {
  const clock = new FakeClock();
  const log = new MemoryEventLog(clock);
  let scans = 0;
  const cold = new ColdScans({ log, clock, onScan: () => (scans += 1), ...options });
  const fill = (count: number, account = ACCOUNT, topic = 'app.a'): void => {
    for (let n = 0; n < count; n++) log.append(account, topic, event('x'.repeat(100), undefined, account));
  };
  const read = (from: number, to: number, patterns = ['app.>'], accountSid = ACCOUNT): AsyncIterable<LoggedEvent> => {
    const at = (seq: number): Position => ({ epoch: 'memory-1', seq });
    return cold.read({ accountSid, patterns, from: at(from), to: at(to) });
  };
  return { clock, log, cold, fill, read, scans: () => scans };
}

async function seqs(events: AsyncIterable<LoggedEvent>): Promise<number[]> {
  const out: number[] = [];
  for await (const one of events) out.push(one.position.seq);
  return out;
}

const range = (after: number, to: number): number[] => Array.from({ length: to - after }, (_, n) => after + n + 1);

describe('coalesced scans', () => {
  it('EV-6 200 readers that come together make one scan, those who come while it runs join it or make one more', async () => {
    const w = world();
    w.fill(300);
    const early = Array.from({ length: 200 }, (_, n) => seqs(w.read(n, 300)));
    await settle();
    const late = Array.from({ length: 50 }, (_, n) => seqs(w.read(n, 300)));
    // They are woken together, and go on a few in each turn.
    for (let turn = 0; turn < 50; turn++) await w.clock.advanceAsync(1);
    expect((await Promise.all(early)).map((got) => got.length)).toEqual(range(0, 200).map((n) => 301 - n));
    expect(await Promise.all(late)).toEqual(range(0, 50).map((n) => range(n - 1, 300)));
    expect(w.scans()).toBeLessThanOrEqual(2);
    expect([w.cold.heldBytes, w.cold.running, w.clock.pendingTimers]).toEqual([0, 0, 0]);
  });

  it('accounts of one stream share a scan, and see their own only', async () => {
    const w = world();
    for (let n = 0; n < 20; n++) w.fill(1, n % 2 === 0 ? ACCOUNT : OTHER_ACCOUNT);
    const [ours, theirs] = await Promise.all([seqs(w.read(0, 20)), seqs(w.read(4, 20, ['>'], OTHER_ACCOUNT))]);
    expect(ours).toEqual(range(0, 20).filter((seq) => seq % 2 === 1));
    expect(theirs).toEqual(range(4, 20).filter((seq) => seq % 2 === 0));
    expect(w.scans()).toBe(1);
  });

  it('EV-9 a reader that stands still costs a bounded amount, holds up nobody, and gets everything later', async () => {
    const w = world({ maxBytes: 4000 });
    w.fill(500);
    const still = w.read(0, 500)[Symbol.asyncIterator]() as AsyncIterator<LoggedEvent, undefined>;
    expect((await still.next()).value?.position.seq).toBe(1);
    const quick = seqs(w.read(0, 500));
    for (let n = 0; n < 50; n++) {
      await w.clock.advanceAsync(250);
      // One batch may come on top of the bound.
      expect(w.cold.heldBytes).toBeLessThan(4000 + 4 * 500);
    }
    expect(await quick).toEqual(range(0, 500));
    expect(w.cold.running).toBe(0);
    const rest: number[] = [];
    const pump = (async () => {
      for (let next = await still.next(); next.done !== true; next = await still.next()) {
        rest.push(next.value.position.seq);
      }
    })();
    for (let n = 0; n < 50; n++) await w.clock.advanceAsync(250);
    await pump;
    expect(rest).toEqual(range(1, 500));
    expect([w.cold.heldBytes, w.clock.pendingTimers]).toEqual([0, 0]);
  });

  it('promise 1: retention that overtakes a reading is told before anything behind the gap', async () => {
    const w = world();
    w.fill(100);
    const got: number[] = [];
    const reading = (async () => {
      for await (const one of w.read(0, 100)) {
        got.push(one.position.seq);
        if (one.position.seq === 6) w.log.purge(ACCOUNT, 50);
      }
    })();
    await expect(reading).rejects.toMatchObject({ reason: 'expired' });
    expect(got).toEqual(range(0, got.length));
    expect(got.length).toBeLessThanOrEqual(50);
    expect(w.cold.heldBytes).toBe(0);
  });

  it('one who leaves early, a lost connection and closing leave nothing behind', async () => {
    const w = world();
    w.fill(50);
    for await (const one of w.read(0, 50)) if (one.position.seq === 3) break;
    const broken = seqs(w.read(0, 50));
    w.log.loseConnection();
    await expect(broken).rejects.toMatchObject({ reason: 'unavailable' });
    w.log.regainConnection();
    const closed = seqs(w.read(0, 50));
    w.cold.close();
    await expect(closed).rejects.toMatchObject({ reason: 'closed' });
    await settle();
    expect([w.cold.heldBytes, w.cold.running, w.clock.pendingTimers]).toEqual([0, 0, 0]);
  });

  it('whatever readers ask, when they come and how fast they take it: each gets its own range, once, in order', async () => {
    const topic = fc.constantFrom('app.a.x', 'app.a.y', 'app.b.x', 'calls.c');
    const pattern = fc.constantFrom('app.>', 'app.*.x', 'calls.c', '>', 'app.a.x');
    const reader = fc.record({
      account: fc.constantFrom(ACCOUNT, OTHER_ACCOUNT),
      patterns: fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 }),
      from: fc.nat(60),
      length: fc.nat(60),
      pauses: fc.array(fc.nat(3), { maxLength: 20 }),
      wait: fc.nat(10),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(topic, fc.boolean()), { minLength: 60, maxLength: 60 }),
        fc.array(reader, { minLength: 1, maxLength: 12 }),
        fc.constantFrom(600, 3000, 1_000_000),
        async (stored, readers, maxBytes) => {
          const w = world({ maxBytes, maxScans: 1 });
          for (const [name, ours] of stored) w.fill(1, ours ? ACCOUNT : OTHER_ACCOUNT, name);
          const results = readers.map(async ({ account, patterns, from, length, pauses, wait }) => {
            for (let n = 0; n < wait; n++) await Promise.resolve();
            const to = Math.min(60, from + length);
            const got: number[] = [];
            for await (const one of w.read(from, to, patterns, account)) {
              got.push(one.position.seq);
              for (let n = pauses[got.length % Math.max(1, pauses.length)] ?? 0; n > 0; n--) await settle();
            }
            const wanted = range(from, to).filter((seq) => {
              const [name, ours] = stored[seq - 1]!;
              return ours === (account === ACCOUNT) && patterns.some((one) => topicMatches(one, name));
            });
            expect(got).toEqual(wanted);
          });
          const state = { ended: false };
          const all = Promise.all(results).finally(() => (state.ended = true));
          all.catch(() => undefined);
          while (!state.ended) await w.clock.advanceAsync(250);
          await all;
          expect([w.cold.heldBytes, w.cold.running, w.clock.pendingTimers]).toEqual([0, 0, 0]);
        },
      ),
      { numRuns: 150 },
    );
  });
});
