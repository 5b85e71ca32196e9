import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Position } from '@hookswitch/shared';
import type { EventLog, LoggedEvent } from './ports.ts';
import { ACCOUNT, OTHER_ACCOUNT, event } from './testing/fixtures.ts';

/** One implementation under test. */
export interface EventLogHarness {
  readonly log: EventLog;
  /** Breaks the connection and lets it come back. Resolves when it is back. */
  interrupt(): Promise<void>;
  /** Drops everything the account's stream holds up to and including `seq`. */
  purge(accountSid: string, seq: number): Promise<void>;
  /** Deletes the account's stream and makes it anew. Resolves when the log knows. */
  recreate(accountSid: string): Promise<void>;
  /** Lets at least so many milliseconds pass on the log's clock. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

async function collect(events: AsyncIterable<LoggedEvent>): Promise<LoggedEvent[]> {
  const out: LoggedEvent[] = [];
  for await (const one of events) out.push(one);
  return out;
}

const data = (events: readonly LoggedEvent[]): unknown[] => events.map((one) => one.event.data);

/** What the hub relies on, for every implementation of {@link EventLog}. */
export function eventLogConformance(name: string, open: () => Promise<EventLogHarness>): void {
  describe(`event log: ${name}`, () => {
    let harness: EventLogHarness;
    let log: EventLog;
    /** A topic of its own for each test. */
    let topic = '';
    let tests = 0;
    const fresh = (): string => (topic = `app.conformance.${++tests}`);

    beforeAll(async () => {
      harness = await open();
      ({ log } = harness);
    });
    afterAll(async () => {
      await harness.close();
    });

    const follow = async (pattern: string, accountSid = ACCOUNT) => {
      const seen: LoggedEvent[] = [];
      const subscription = log.subscribe(accountSid, pattern, (one) => seen.push(one));
      await subscription.ready;
      return {
        seen,
        close: () => {
          subscription.close();
        },
      };
    };

    it('EV-1 members of foreign extensions are kept, live and in history', async () => {
      const { seen, close } = await follow(`${fresh()}.*`);
      const sent = { ...event(1, `${topic}-x`), traceparent: '00-1-2-01' };
      const to = await log.publish(ACCOUNT, `${topic}.a`, sent);
      await expect.poll(() => seen.map((one) => one.event)).toEqual([sent]);
      const from = { ...to, seq: to.seq - 1 };
      const read = await collect(log.read({ accountSid: ACCOUNT, patterns: [`${topic}.*`], from, to }));
      expect(read.map((one) => one.event)).toEqual([sent]);
      close();
    });

    it('publish resolves with rising positions, and live delivery carries the same', async () => {
      const { seen, close } = await follow(`${fresh()}.*`);
      const positions: Position[] = [];
      for (let n = 0; n < 5; n++) positions.push(await log.publish(ACCOUNT, `${topic}.t${n % 2}`, event(n)));
      await expect.poll(() => seen.length).toBe(5);
      expect(seen.map((one) => one.position)).toEqual(positions);
      expect(seen.map((one) => one.topic)).toEqual([0, 1, 0, 1, 0].map((n) => `${topic}.t${n}`));
      expect(data(seen)).toEqual([0, 1, 2, 3, 4]);
      expect(JSON.parse(seen[0]!.json)).toEqual(seen[0]!.event);
      expect([...positions].sort((a, b) => a.seq - b.seq)).toEqual(positions);
      expect(await log.head(ACCOUNT)).toEqual(positions.at(-1));
      close();
    });

    it('the same event id on the same topic is stored once, on another topic again', async () => {
      const { seen, close } = await follow(`${fresh()}.>`);
      const one = event('once', 'same-id');
      const first = await log.publish(ACCOUNT, `${topic}.a`, one);
      expect(await log.publish(ACCOUNT, `${topic}.a`, one)).toEqual(first);
      expect(await log.publish(ACCOUNT, `${topic}.b`, one)).not.toEqual(first);
      await expect.poll(() => seen.length).toBe(2);
      expect(seen.map((found) => found.topic)).toEqual([`${topic}.a`, `${topic}.b`]);
      close();
    });

    it('keeps accounts apart, live and in history', async () => {
      const { seen, close } = await follow(`${fresh()}.>`);
      const from = await log.head(ACCOUNT);
      await log.publish(OTHER_ACCOUNT, `${topic}.x`, event('theirs', undefined, OTHER_ACCOUNT));
      const to = await log.publish(ACCOUNT, `${topic}.x`, event('mine'));
      await expect.poll(() => seen.length).toBe(1);
      expect(data(seen)).toEqual(['mine']);
      expect(data(await collect(log.read({ accountSid: ACCOUNT, patterns: ['>'], from, to })))).toEqual(['mine']);
      close();
    });

    it('reads a range: from is exclusive, to inclusive, patterns may overlap', async () => {
      fresh();
      const at: Position[] = [];
      for (let n = 0; n < 6; n++) at.push(await log.publish(ACCOUNT, `${topic}.t${n}`, event(n)));
      const read = (patterns: string[], from: Position, to: Position) =>
        collect(log.read({ accountSid: ACCOUNT, patterns, from, to })).then(data);
      expect(await read([`${topic}.*`], at[0]!, at[4]!)).toEqual([1, 2, 3, 4]);
      expect(await read([`${topic}.t2`], at[0]!, at[5]!)).toEqual([2]);
      expect(await read([`${topic}.t1`, `${topic}.*`, `${topic}.>`], at[0]!, at[2]!)).toEqual([1, 2]);
      expect(await read([`${topic}.nothing`], at[0]!, at[5]!)).toEqual([]);
      expect(await read([`${topic}.*`], at[5]!, at[5]!)).toEqual([]);
    });

    it('reading can be left early', async () => {
      fresh();
      const from = await log.head(ACCOUNT);
      for (let n = 0; n < 3; n++) await log.publish(ACCOUNT, `${topic}.t`, event(n));
      const to = await log.head(ACCOUNT);
      for await (const one of log.read({ accountSid: ACCOUNT, patterns: [`${topic}.t`], from, to })) {
        expect(one.event.data).toBe(0);
        break;
      }
    });

    it('a closed subscription is not called any more, its twin is', async () => {
      const one = await follow(`${fresh()}.>`);
      const twin = await follow(`${topic}.>`);
      await log.publish(ACCOUNT, `${topic}.a`, event(1));
      await expect.poll(() => twin.seen.length).toBe(1);
      one.close();
      one.close();
      await log.publish(ACCOUNT, `${topic}.a`, event(2));
      await expect.poll(() => twin.seen.length).toBe(2);
      expect(one.seen.length).toBeLessThan(2);
      twin.close();
    });

    it('refuses what is no event', async () => {
      await expect(log.publish(ACCOUNT, fresh(), { ...event(), time: 1 } as never)).rejects.toMatchObject({
        reason: 'invalid',
      });
    });

    it('tells a loss and its end, and delivers after it', async () => {
      const { seen, close } = await follow(`${fresh()}.>`);
      const told: string[] = [];
      const stop = [log.on('lost', () => told.push('lost')), log.on('regained', () => told.push('regained'))];
      await harness.interrupt();
      await expect.poll(() => told).toEqual(['lost', 'regained']);
      expect(log.connected).toBe(true);
      await log.publish(ACCOUNT, `${topic}.a`, event('after'));
      await expect.poll(() => data(seen)).toEqual(['after']);
      for (const one of stop) one();
      close();
    });

    it('says when part of a range is not kept any more', async () => {
      fresh();
      const from = await log.head(ACCOUNT);
      const gone = await log.publish(ACCOUNT, `${topic}.a`, event('gone'));
      const kept = await log.publish(ACCOUNT, `${topic}.a`, event('kept'));
      await harness.purge(ACCOUNT, gone.seq);
      expect(await log.bounds(ACCOUNT)).toEqual({ epoch: from.epoch, lowWater: gone.seq, head: kept.seq });
      const read = (after: Position) =>
        collect(log.read({ accountSid: ACCOUNT, patterns: [`${topic}.>`], from: after, to: kept }));
      await expect(read(from)).rejects.toMatchObject({ reason: 'expired' });
      expect(data(await read(gone))).toEqual(['kept']);
    });

    it('finds the next event of a pattern, and knows what came live', async () => {
      const { seen, close } = await follow(`${fresh()}.a`);
      const at: Position[] = [];
      for (const name of ['a', 'b', 'a']) at.push(await log.publish(ACCOUNT, `${topic}.${name}`, event(name)));
      const [first = 0, second = 0, third = 0] = at.map(({ seq }) => seq);
      await expect.poll(() => seen.length).toBe(2);
      const next = async (pattern: string, after: number) => {
        const found = await log.next(ACCOUNT, pattern, after);
        return found === undefined ? undefined : [found.seq, found.event?.position.seq, found.event?.topic];
      };
      expect(await next(`${topic}.a`, first)).toEqual([third, third, `${topic}.a`]);
      expect(await next(`${topic}.>`, first)).toEqual([second, second, `${topic}.b`]);
      expect(await next(`${topic}.>`, third)).toBeUndefined();
      expect(await log.next(OTHER_ACCOUNT, `${topic}.>`, first - 1)).toBeUndefined();
      expect(log.hasSeen(ACCOUNT, first - 1, second)).toBe(true);
      expect(log.hasSeen(ACCOUNT, first, third)).toBe(false);
      close();
    });

    it('EV-6 finds where the newest events of a pattern begin, among others and over holes', async () => {
      fresh();
      const at: Position[] = [];
      for (let n = 0; n < 24; n++) {
        const [account, name] = n % 5 === 4 ? [OTHER_ACCOUNT, 'x'] : [ACCOUNT, n % 3 === 0 ? 'rare' : 'often'];
        at.push(await log.publish(account, `${topic}.${name}`, event(n, undefined, account)));
      }
      const to = at.at(-1)!;
      const newest = async (pattern: string, count: number, before?: number) => {
        const limit = before === undefined ? {} : { before };
        const from = await log.positionBack({ accountSid: ACCOUNT, pattern, count, ...limit });
        const end = { epoch: to.epoch, seq: before === undefined ? to.seq : before - 1 };
        return data(await collect(log.read({ accountSid: ACCOUNT, patterns: [pattern], from, to: end })));
      };
      const all = Array.from({ length: 24 }, (_, n) => n).filter((n) => n % 5 !== 4);
      const rare = all.filter((n) => n % 3 === 0);
      for (const count of [1, 2, 5, 7]) {
        expect(await newest(`${topic}.rare`, count)).toEqual(rare.slice(-count));
        expect(await newest(`${topic}.*`, count)).toEqual(all.slice(-count));
        const before = all.filter((n) => n < 12);
        expect(await newest(`${topic}.>`, count, at[12]!.seq)).toEqual(before.slice(-count));
      }
      expect(await newest(`${topic}.rare`, 1000)).toEqual(rare);
      expect(await newest(`${topic}.none`, 3)).toEqual([]);
    });

    it('EV-6 finds where a time begins', async () => {
      const first = await log.publish(ACCOUNT, fresh(), event('a'));
      const [stored] = await collect(
        log.read({ accountSid: ACCOUNT, patterns: [topic], from: { ...first, seq: first.seq - 1 }, to: first }),
      );
      const since = (stored?.storedAt ?? 0) + 1;
      await harness.pass(5);
      const second = await log.publish(ACCOUNT, topic, event('b'));
      expect(await log.positionAt(ACCOUNT, since)).toEqual(first);
      expect(await log.positionAt(ACCOUNT, since + 3_600_000)).toEqual(second);
      expect((await log.positionAt(ACCOUNT, 1)).seq).toBe(0);
    });

    it('one scan serves several accounts, and tells what was purged', async () => {
      fresh();
      const from = await log.head(ACCOUNT);
      for (let n = 0; n < 9; n++) {
        const account = n % 2 === 0 ? ACCOUNT : OTHER_ACCOUNT;
        await log.publish(account, `${topic}.t${n % 3}`, event(n, undefined, account));
      }
      const { seq: to } = await log.head(ACCOUNT);
      const seen: unknown[] = [];
      let upTo = 0;
      for await (const batch of log.scan({ accounts: [ACCOUNT, OTHER_ACCOUNT], from, to })) {
        for (const one of batch.events) {
          if (!one.topic.endsWith('.t1')) seen.push(one.load()?.event.data);
          expect(one.load()).toMatchObject({ accountSid: one.accountSid, position: { seq: one.seq } });
        }
        expect(batch.upTo).toBeGreaterThan(upTo);
        ({ upTo } = batch);
        expect(batch.lowWater(ACCOUNT)).toBeLessThanOrEqual(from.seq);
      }
      expect(upTo).toBe(to);
      // Accounts may be in different streams: then only those of the first one's come.
      const same = log.streamOf(ACCOUNT) === log.streamOf(OTHER_ACCOUNT);
      expect(seen).toEqual([0, 2, 3, 5, 6, 8].filter((n) => same || n % 2 === 0));
    });

    it('a stream that was made anew has another epoch', async () => {
      const from = await log.publish(ACCOUNT, fresh(), event());
      await harness.recreate(ACCOUNT);
      const bounds = await log.bounds(ACCOUNT);
      expect(bounds.epoch).not.toBe(from.epoch);
      const read = collect(log.read({ accountSid: ACCOUNT, patterns: ['>'], from, to: from }));
      await expect(read).rejects.toMatchObject({ reason: 'epoch-changed' });
      const { seen, close } = await follow(`${topic}.>`);
      const position = await log.publish(ACCOUNT, `${topic}.a`, event('new'));
      await expect.poll(() => seen.length).toBe(1);
      expect(seen[0]?.position).toEqual(position);
      expect(position.epoch).toBe(bounds.epoch);
      close();
    });
  });
}
