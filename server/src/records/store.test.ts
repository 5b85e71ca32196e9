import { readdirSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../kernel/index.ts';
import { HANDLERS } from './handlers.ts';
import { Projection } from './projection.ts';
import type { ProjectedEvent } from './projection.ts';
import type { Checkpoint } from './ports.ts';
import { PgRecords } from './store.pg.ts';
import { ACCOUNT, CallEvents, sidOf } from './testing/call-events.ts';
import { openTestDatabase } from './testing/postgres.ts';

const postgres = await openTestDatabase();
const { database } = postgres;
const records = await PgRecords.open(database);
afterAll(() => postgres.close());
/** Another at every run: the database may not be new. */
const RUN = systemClock.now();

/** Each test reads a shard of its own. */
let shards = 1000 + Math.floor(RUN / 1000);
class Reader {
  readonly shard = shards++;
  at: Checkpoint | undefined;
  fence = 1;

  apply(events: readonly ProjectedEvent[], seq = (this.at?.seq ?? 0) + events.length): Promise<boolean> {
    const projection = new Projection(HANDLERS);
    for (const event of events) expect(projection.add(event)).toBe(true);
    return this.#write(projection, seq);
  }
  async #write({ changes }: Projection, seq: number): Promise<boolean> {
    const to = { epoch: 'e1', seq };
    const done = await records.apply({ shard: this.shard, from: this.at, to, fence: this.fence, changes });
    if (done) this.at = to;
    return done;
  }
}
const list = (more: object = {}) => records.calls.list({ accountSid: ACCOUNT, limit: 50, ...more });

describe('records in PostgreSQL', () => {
  it('migrations are applied once, also by several processes at once', async () => {
    await Promise.all([1, 2, 3].map(() => PgRecords.open(database)));
    const rows = await database.pool.query('select * from hookswitch_migrations.records');
    const files = readdirSync(new URL('./migrations', import.meta.url)).filter((file) => file.endsWith('.sql'));
    expect(rows.rows).toHaveLength(files.length);
  });

  it('CR-4 the events of a call make its record, in one batch as in several', async () => {
    const whole = new CallEvents('whole');
    await new Reader().apply(whole.life(61));
    const single = new CallEvents('single');
    const reader = new Reader();
    for (const event of single.life(61)) await reader.apply([event]);
    const [a, b] = [await records.calls.get(ACCOUNT, whole.sid), await records.calls.get(ACCOUNT, single.sid)];
    expect({ ...a, sid: '' }).toEqual({ ...b, sid: '' });
    expect(a).toMatchObject({
      status: 'completed',
      direction: 'inbound',
      from: '+15550100',
      createdAt: '2026-01-05T10:00:01.000Z',
      startTime: '2026-01-05T10:00:01.000Z',
      answeredAt: '2026-01-05T10:00:03.000Z',
      endTime: '2026-01-05T10:01:04.000Z',
      duration: 61,
      node: 'n1',
      fence: 7,
      sequence: 3,
      version: 4,
    });
    expect(await records.calls.get(`AC${'b'.repeat(32)}`, whole.sid)).toBeUndefined();
  });

  it('a batch has its effect once: read again, or by a doer of before, it changes nothing', async () => {
    const account = sidOf('account', `usage ${RUN}`);
    const reader = new Reader();
    const first = new CallEvents('once', { from: 'client:alice' });
    first.accountSid = account;
    const events = first.life(30);
    reader.fence = 5;
    expect(await reader.apply(events)).toBe(true);
    const again = new Reader();
    Object.assign(again, { shard: reader.shard });
    expect(await again.apply(events)).toBe(false);
    const second = new CallEvents('twice', { to: '+15550111', direction: 'outbound-dial' });
    second.accountSid = account;
    const late = new Reader();
    Object.assign(late, { shard: reader.shard, at: reader.at, fence: 4 });
    expect(await late.apply(second.life())).toBe(false);
    expect(await records.calls.get(account, second.sid)).toBeUndefined();
    expect(await reader.apply(second.life(90))).toBe(true);
    const usage = await records.usage.days([account], {});
    expect(usage).toEqual([
      { category: 'calls', day: '2026-01-05', count: 2, usage: 3 },
      { category: 'calls-client', day: '2026-01-05', count: 1, usage: 1 },
      { category: 'calls-outbound', day: '2026-01-05', count: 1, usage: 2 },
    ]);
  });

  it('a call that is over stays as it ended, and is counted once', async () => {
    const account = sidOf('account', `over ${RUN}`);
    const call = new CallEvents('ended twice');
    call.accountSid = account;
    const reader = new Reader();
    await reader.apply(call.life(10));
    const end = { status: 'failed', cause: 'internal-error', message: 'again', durationSeconds: 99 };
    await reader.apply([call.next('call.answered'), call.next('call.ended', end)]);
    expect(await records.calls.get(account, call.sid)).toMatchObject({
      status: 'completed',
      duration: 10,
      message: 'over',
    });
    expect((await records.usage.days([account], {}))[0]).toMatchObject({ category: 'calls', count: 1, usage: 1 });
  });

  it('what was asked for is readable at once, and the events go on from there', async () => {
    const call = new CallEvents('asked', { direction: 'outbound-api' }, Date.UTC(2026, 0, 6));
    const callback = { url: 'http://app.test/status', method: 'POST' as const, events: ['completed' as const] };
    const { from, to } = call.facts;
    await records.calls.insertQueued({
      sid: call.sid,
      accountSid: ACCOUNT,
      from,
      to,
      applicationSid: null,
      statusCallback: callback,
      createdAt: '2026-01-05T23:59:58.500Z',
    });
    expect(await records.calls.get(ACCOUNT, call.sid)).toMatchObject({ status: 'queued', node: null, startTime: null });
    const reader = new Reader();
    await reader.apply([call.next('call.initiated')]);
    const dialled = await records.calls.get(ACCOUNT, call.sid);
    expect(dialled).toMatchObject({ status: 'queued', node: 'n1', queueTimeMs: 2500, statusCallback: callback });
    expect(dialled?.createdAt).toBe('2026-01-05T23:59:58.500Z');
    expect(
      await records.calls.endQueued(call.sid, { status: 'failed', message: 'no', at: '2026-01-06T00:00:02Z' }),
    ).toBe(false);
    expect(await records.calls.remove(ACCOUNT, call.sid)).toBe('in-progress');
    const over = { status: 'no-answer', cause: 'no-answer', message: 'rang', durationSeconds: 0 };
    const changed = { url: 'http://app.test/other', method: 'GET' as const, events: ['answered' as const] };
    await records.calls.changeCallback(call.sid, { callback: changed, at: '2026-01-06T00:00:01Z' });
    await reader.apply([call.next('call.ringing'), call.next('call.ended', over)]);
    await records.calls.changeCallback(call.sid, { callback, at: '2026-01-06T00:00:09Z' });
    expect(await records.calls.get(ACCOUNT, call.sid)).toMatchObject({ status: 'no-answer', statusCallback: changed });
    expect(
      (await records.calls.versions(ACCOUNT, call.sid)).map(({ version, source }) => `${version} ${source}`),
    ).toEqual(['1 request', '2 call.initiated', '3 request', '4 call.ringing', '5 call.ended']);
    expect(await records.calls.remove(ACCOUNT, call.sid)).toBe('removed');
    expect(await records.calls.remove(ACCOUNT, call.sid)).toBe('not-found');
    expect(await records.calls.versions(ACCOUNT, call.sid)).toEqual([]);
  });

  it('MT-7 a call that ends before it is dialled has waited until its end, whoever tells of it', async () => {
    const at = (seconds: number): number => Date.UTC(2026, 0, 7) + seconds * 1000;
    const ask = async (name: string): Promise<CallEvents> => {
      const call = new CallEvents(name, { direction: 'outbound-api' }, at(5));
      const { from, to } = call.facts;
      const asked = { applicationSid: null, statusCallback: null, createdAt: new Date(at(0)).toISOString() };
      await records.calls.insertQueued({ sid: call.sid, accountSid: ACCOUNT, from, to, ...asked });
      return call;
    };
    const waited = async ({ sid }: CallEvents): Promise<number | null | undefined> =>
      (await records.calls.get(ACCOUNT, sid))?.queueTimeMs;
    const [expired, refused] = [await ask('expired'), await ask('refused')];
    expect(await waited(expired)).toBeNull();
    const over = { status: 'canceled', cause: 'canceled', message: 'it waited for too long', durationSeconds: 0 };
    await new Reader().apply([expired.next('call.ended', over)]);
    expect(await waited(expired)).toBe(6000);
    const end = { status: 'failed' as const, message: 'not stored', at: new Date(at(2.5)).toISOString() };
    expect(await records.calls.endQueued(refused.sid, end)).toBe(true);
    expect(await waited(refused)).toBe(2500);
  });

  it('lists by filter, newest first, page by page in both directions', async () => {
    const account = sidOf('account', `lists ${RUN}`);
    const reader = new Reader();
    const calls = Array.from({ length: 7 }, (_, i) => {
      const made = new CallEvents(
        `list ${account} ${i}`,
        { to: i % 2 === 0 ? '+15550001' : '+15550002' },
        Date.UTC(2026, 1, i + 1),
      );
      made.accountSid = account;
      return made;
    });
    for (const [i, call] of calls.entries()) await reader.apply(i === 6 ? [call.next('call.initiated')] : call.life());
    const wanted = calls.map(({ sid }) => sid).reverse();
    const sids = async (more: object = {}) => (await list({ accountSid: account, ...more })).map(({ sid }) => sid);
    expect(await sids()).toEqual(wanted);
    expect(await sids({ to: '+15550002' })).toEqual(wanted.filter((_, i) => i % 2 === 1));
    expect(await sids({ from: '+15550002' })).toEqual([]);
    expect(await sids({ status: 'ringing' })).toEqual([wanted[0]]);
    expect(await sids({ startTime: { from: Date.UTC(2026, 1, 3), until: Date.UTC(2026, 1, 5) } })).toEqual(
      wanted.slice(3, 5),
    );
    expect(await sids({ endTime: { from: Date.UTC(2026, 1, 6) } })).toEqual([wanted[1]]);
    const [third] = (await list({ accountSid: account })).slice(2);
    const position = { createdAt: third!.createdAt, sid: third!.sid };
    expect(await sids({ after: position, limit: 2 })).toEqual(wanted.slice(3, 5));
    expect(await sids({ before: position, limit: 1 })).toEqual(wanted.slice(1, 2));
  });

  it('CR-6 requests and what went wrong are kept for each call', async () => {
    const call = new CallEvents('logs', {}, Date.UTC(2026, 2, 1));
    const url = 'http://app.test/voice';
    const exchange = { url, purpose: 'instructions', params: { A: 'b' }, idempotencyToken: 't', durationMs: 12.4 };
    await new Reader().apply([
      call.next('call.initiated'),
      call.next('call.exchange', {
        ...exchange,
        method: 'POST',
        status: 200,
        contentType: 'text/xml',
        body: '<Response/>',
      }),
      call.next('call.exchange', { ...exchange, method: 'GET', problem: 'refused', code: 11_205 }),
      call.next('call.warning', { code: 12_200, message: 'odd attribute' }),
      call.next('call.instructions-failed', { url, method: 'GET', code: 11_200, message: 'HTTP 500', hint: 'mend it' }),
    ]);
    const part = { accountSid: ACCOUNT, limit: 10 };
    expect(await records.calls.exchanges(call.sid, part)).toMatchObject([
      { method: 'GET', url, status: null },
      { method: 'POST', url, status: 200, durationMs: 12, parameters: { A: 'b' }, body: '<Response/>' },
    ]);
    const found = await records.notifications.list({ ...part, callSid: call.sid });
    expect(found).toMatchObject([
      { log: 'error', code: 11_200, requestUrl: url, hint: 'mend it' },
      { log: 'warning', code: 12_200, message: 'odd attribute', requestUrl: null },
    ]);
    expect(await records.notifications.list({ ...part, callSid: call.sid, log: 'warning' })).toHaveLength(1);
    expect(await records.notifications.get(ACCOUNT, found[0]!.sid)).toMatchObject({ callSid: call.sid });
    expect(await records.notifications.get(sidOf('account', 'x'), found[0]!.sid)).toBeUndefined();
  });

  it('text that PostgreSQL cannot hold is stored without what it cannot', async () => {
    const call = new CallEvents('odd', { from: 'client:a\0b\ud800c' });
    await new Reader().apply(call.life());
    expect((await records.calls.get(ACCOUNT, call.sid))?.from).toBe('client:ab\ufffdc');
  });

  it('open calls are known by their process', async () => {
    const call = new CallEvents('open');
    call.node = `n-${call.sid.slice(2, 8)}`;
    const reader = new Reader();
    await reader.apply([call.next('call.initiated'), call.next('call.answered')]);
    expect(await records.openNodes()).toContainEqual({ node: call.node, fence: 7 });
    expect(await records.openCalls(call.node)).toMatchObject([{ sid: call.sid, sequence: 1, status: 'in-progress' }]);
    await reader.apply([
      call.next('call.ended', { status: 'completed', cause: 'hangup-caller', message: '', durationSeconds: 1 }),
    ]);
    expect(await records.openCalls(call.node)).toEqual([]);
  });
});
