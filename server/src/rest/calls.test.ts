import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Twilio } from 'twilio';
import { silentLog } from '../kernel/index.ts';
import { PgRecords } from '../records/store.pg.ts';
import { HANDLERS } from '../records/handlers.ts';
import { Projection } from '../records/projection.ts';
import type { ProjectedEvent } from '../records/projection.ts';
import type { Checkpoint } from '../records/ports.ts';
import { CallEvents } from '../records/testing/call-events.ts';
import { openTestDatabase } from '../records/testing/postgres.ts';
import type { TestDatabase } from '../records/testing/postgres.ts';
import { RestWorld } from './testing/rest-world.ts';

const URL_ = 'https://app.test/voice';

describe('CR-4 calls by the official helper library', () => {
  let world: RestWorld;
  let client: Twilio;
  let records: PgRecords;
  let postgres: TestDatabase;
  let at: Checkpoint | undefined;
  const apply = async (events: readonly ProjectedEvent[]): Promise<void> => {
    const projection = new Projection(HANDLERS);
    for (const event of events) projection.add(event);
    const to = { epoch: 'e', seq: (at?.seq ?? 0) + 1 };
    expect(await records.apply({ shard: 9, from: at, to, fence: 1, changes: projection.changes })).toBe(true);
    at = to;
  };
  const events = (name: string, facts: Partial<CallEvents['facts']> = {}): CallEvents => {
    const made = new CallEvents(name, facts);
    made.accountSid = world.account.sid;
    return made;
  };
  /** Continues a call that was asked for. */
  const eventsOf = (sid: string, from: string, to: string): CallEvents => {
    const made = events(sid, { callSid: sid, direction: 'outbound-api', from, to });
    Object.assign(made, { sid });
    return made;
  };
  beforeAll(async () => {
    postgres = await openTestDatabase();
    records = await PgRecords.open(postgres.database);
    world = await RestWorld.open(silentLog, records);
    await world.app.listen({ host: '127.0.0.1', port: 0 });
    const { sid, authToken } = world.account;
    client = new Twilio(sid, authToken, { accountSid: sid, autoRetry: false });
    client.api.baseUrl = `http://127.0.0.1:${(world.app.server.address() as AddressInfo).port}`;
    await world.store.addNumber(sid, { number: '+15550100' });
  });
  afterAll(async () => {
    await world.app.close();
    await postgres.close();
  });

  it('create: answered with queued, readable at once, stored as a request with all of its options', async () => {
    const made = await client.calls.create({
      to: '+15550123',
      from: '+15550100',
      url: URL_,
      method: 'GET',
      fallbackUrl: 'https://app.test/fallback',
      statusCallback: 'https://app.test/status',
      statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
      statusCallbackMethod: 'GET',
      sendDigits: 'ww12#',
      timeout: 20,
      timeLimit: 600,
    });
    expect(made).toMatchObject({ status: 'queued', direction: 'outbound-api', to: '+15550123', from: '+15550100' });
    expect(made.fromFormatted).toBe('+15550100');
    expect((await client.calls(made.sid).fetch()).status).toBe('queued');
    expect(world.callRequests.waiting.get(made.sid)?.order).toEqual({
      from: '+15550100',
      to: '+15550123',
      target: { kind: 'number', number: '+15550123', sendDigits: 'ww12#' },
      application: {
        voice: { url: URL_, method: 'GET' },
        fallback: { url: 'https://app.test/fallback', method: 'POST' },
        statusCallback: {
          url: 'https://app.test/status',
          method: 'GET',
          events: ['initiated', 'ringing', 'answered', 'completed'],
        },
      },
      timeoutMs: 20_000,
      timeLimitMs: 600_000,
    });
  });

  it('create: TwiML, an application, a client and a SIP address', async () => {
    const order = async (options: Parameters<Twilio['calls']['create']>[0]) => {
      const { sid } = await client.calls.create(options);
      return world.callRequests.waiting.get(sid)?.order;
    };
    const twiml = '<Response><Say>Hello</Say></Response>';
    expect(await order({ to: 'client:alice?room=7', from: 'client:bob', twiml })).toMatchObject({
      to: 'client:alice',
      target: { kind: 'client', identity: 'alice', parameters: { room: '7' } },
      document: twiml,
      timeoutMs: 60_000,
    });
    const application = await client.applications.create({ voiceUrl: URL_, statusCallback: 'https://app.test/s' });
    const sip = { to: 'sip:desk@pbx.test?X-Room=7', sipAuthUsername: 'u', sipAuthPassword: 'p' };
    expect(await order({ ...sip, from: 'sip:me@here.test', applicationSid: application.sid })).toMatchObject({
      target: { kind: 'sip', uri: 'sip:desk@pbx.test', username: 'u', password: 'p', headers: [['X-Room', '7']] },
      application: { applicationSid: application.sid, statusCallback: { events: ['completed'] } },
    });
  });

  it.each([
    [{ to: '', from: '+15550100', url: URL_ }, 21_201],
    [{ to: 'nobody', from: '+15550100', url: URL_ }, 21_211],
    [{ to: '+15550123', from: '', url: URL_ }, 21_213],
    [{ to: '+15550123', from: 'client:bob', url: URL_ }, 21_212],
    [{ to: '+15550123', from: '+15559999', url: URL_ }, 21_210],
    [{ to: '+15550123', from: '+15550100' }, 21_205],
    [{ to: '+15550123', from: '+15550100', url: 'ftp://x' }, 21_205],
    [{ to: '+15550123', from: '+15550100', applicationSid: `AP${'0'.repeat(32)}` }, 21_218],
    [{ to: '+15550123', from: '+15550100', url: URL_, sendDigits: 'x' }, 20_001],
    [{ to: '+15550123', from: '+15550100', url: URL_, timeout: 601 }, 20_001],
  ])('create %j is refused with %i', async (options, code) => {
    await expect(client.calls.create(options)).rejects.toMatchObject({ status: 400, code });
  });

  it('MT-1 MT-7 create: priority, start time and expiry are stored with the request', async () => {
    const create = async (rest: Record<string, string>) => {
      const form = new URLSearchParams({ To: '+15550123', From: '+15550100', Url: URL_, ...rest }).toString();
      const reply = await world.request('POST', 'Calls.json', { form });
      return { status: reply.statusCode, body: reply.json<{ sid: string; message: string; code: number }>() };
    };
    const stored = ({ body }: { body: { sid: string } }) => world.callRequests.waiting.get(body.sid);
    const start = new Date(world.clock.now() + 3_600_000).toISOString();
    const startAt = Date.parse(start);
    const made = await create({ QueuePriority: '0', QueueStartAt: start, QueueExpiry: '60' });
    expect(made.status).toBe(201);
    expect(stored(made)).toMatchObject({ priority: 0, startAt, expiresAt: startAt + 60_000 });
    expect(stored(await create({ QueueExpiry: start }))).toMatchObject({ expiresAt: startAt });
    for (const [name, value] of [
      ['QueuePriority', '10'],
      ['QueueStartAt', 'tomorrow'],
      ['QueueStartAt', '2999-01-01T00:00:00Z'],
      ['QueueExpiry', '-1'],
      ['QueueExpiry', '2001-01-01T00:00:00Z'],
    ] as const) {
      const refused = await create({ [name]: value });
      expect(refused).toMatchObject({ status: 400, body: { code: 20_001 } });
      expect(refused.body.message).toContain(name);
    }
  });

  it('MT-7 a call that waits says where it stands and when it is likely to start; one that was dialled does not', async () => {
    world.callRequests.waiting.clear();
    const make = () => client.calls.create({ to: '+15550777', from: '+15550100', url: URL_ });
    const first = await make();
    world.tick();
    const second = await make();
    const shown = async (path: string) => (await world.request('GET', path)).json<Record<string, unknown>>();
    expect(await shown(`Calls/${first.sid}.json`)).toMatchObject({
      queue_position: 1,
      estimated_start: 'Thu, 01 Jan 1970 00:00:10 +0000',
    });
    const { calls } = await shown('Calls.json?To=%2B15550777');
    const places = (calls as Record<string, unknown>[]).map((call) => [call['sid'], call['queue_position']]);
    expect(places).toEqual([
      [second.sid, 2],
      [first.sid, 1],
    ]);
    await apply([eventsOf(first.sid, '+15550100', '+15550777').next('call.initiated')]);
    expect(await shown(`Calls/${first.sid}.json`)).toMatchObject({ queue_position: null, estimated_start: null });
    await client.calls(second.sid).update({ status: 'canceled' });
    expect(await shown(`Calls/${second.sid}.json`)).toMatchObject({ status: 'canceled', queue_position: null });
  });

  it('MT-7 create: more than its limit of an account does not wait: 429, with nothing stored', async () => {
    const account = await world.newAccount('Full', world.account.sid);
    const limited = await world.request('PUT', `/v1/accounts/${account.sid}/limits`, { json: { queuedCalls: 0 } });
    expect(limited.statusCode).toBe(200);
    const form = new URLSearchParams({ To: 'client:alice', From: 'client:bob', Url: URL_ }).toString();
    const reply = await world.request('POST', `/2010-04-01/Accounts/${account.sid}/Calls.json`, { form, as: account });
    expect(reply.headers['retry-after']).toBe('5');
    expect(reply.statusCode).toBe(429);
    expect(reply.json<{ code: number; message: string }>()).toMatchObject({ code: 20_429 });
    expect(reply.body).toContain('queuedCalls');
    expect([...world.callRequests.waiting.values()].some(({ accountSid }) => accountSid === account.sid)).toBe(false);
  });

  it('a store of requests that is away: 503, and the call is over', async () => {
    world.callRequests.down = true;
    await expect(client.calls.create({ to: '+15550321', from: '+15550100', url: URL_ })).rejects.toMatchObject({
      status: 503,
      code: 20_503,
    });
    world.callRequests.down = false;
    const [failed] = await client.calls.list({ to: '+15550321', limit: 1 });
    expect(failed).toMatchObject({ status: 'failed' });
    expect(failed?.endTime).toBeInstanceOf(Date);
  });

  it('a call that waits is canceled: nobody dials it, and its end is told', async () => {
    const statusCallback = 'https://app.test/status';
    const { sid } = await client.calls.create({ to: '+15550123', from: '+15550100', url: URL_, statusCallback });
    const canceled = await client.calls(sid).update({ status: 'canceled' });
    expect(canceled.status).toBe('canceled');
    expect(world.callRequests.waiting.has(sid)).toBe(false);
    expect(world.unheld.find(({ callSid }) => callSid === sid)).toMatchObject({
      status: 'canceled',
      statusCallback: { url: statusCallback, events: ['completed'] },
    });
    await expect(client.calls(sid).update({ url: URL_ })).rejects.toMatchObject({ status: 400, code: 21_220 });
    expect(await client.calls(sid).remove()).toBe(true);
    await expect(client.calls(sid).fetch()).rejects.toMatchObject({ status: 404 });
  });

  it('a call in progress: other instructions, time limit, end, each asked of the node that holds it', async () => {
    const { sid } = await client.calls.create({ to: '+15550123', from: '+15550100', url: URL_ });
    const call = eventsOf(sid, '+15550100', '+15550123');
    await apply([call.next('call.initiated'), call.next('call.ringing'), call.next('call.answered')]);
    expect(await client.calls(sid).fetch()).toMatchObject({ status: 'in-progress', duration: null });
    const asked = world.callControl.asked;
    await client.calls(sid).update({ url: 'https://app.test/other', method: 'GET' });
    expect(asked.at(-1)).toMatchObject({ kind: 'redirect', url: 'https://app.test/other', method: 'GET', hint: 'n1' });
    await client.calls(sid).update({ twiml: '<Response/>', timeLimit: 9 });
    expect(asked.slice(-2)).toMatchObject([
      { kind: 'time-limit', ms: 9000 },
      { kind: 'twiml', document: '<Response/>' },
    ]);
    expect((await client.calls(sid).update({ status: 'canceled' })).status).toBe('in-progress');
    await expect(client.calls(sid).remove()).rejects.toMatchObject({ status: 409 });
    const over = { status: 'completed', cause: 'hangup-api', message: '', durationSeconds: 42 };
    await apply([call.next('call.ended', over)]);
    world.callControl.reply = { ok: false, reason: 'no-such-call' };
    await expect(client.calls(sid).update({ status: 'completed' })).rejects.toMatchObject({ code: 21_220 });
    world.callControl.reply = { ok: true };
    expect(await client.calls(sid).fetch()).toMatchObject({ status: 'completed', duration: '42' });
  });

  it('lists by filter over pages; others see nothing of it', async () => {
    for (let i = 0; i < 5; i++) await apply(events(`listed ${i}`, { to: '+15557777', from: `+1555000${i}` }).life());
    const all = await client.calls.list({ to: '+15557777', pageSize: 2 });
    expect(all.map(({ from }) => from).sort()).toEqual([0, 1, 2, 3, 4].map((i) => `+1555000${i}`));
    expect(await client.calls.list({ to: '+15557777', status: 'busy' })).toEqual([]);
    expect(await client.calls.list({ to: '+15557777', startTimeAfter: new Date('2026-01-06') })).toEqual([]);
    expect(await client.calls.list({ to: '+15557777', startTimeBefore: new Date('2026-01-06') })).toHaveLength(5);
    const other = await world.newAccount('Other');
    const answer = await world.request('GET', `/2010-04-01/Accounts/${other.sid}/Calls.json`, { as: other });
    expect(answer.json()).toMatchObject({ calls: [] });
    const foreign = await world.request('GET', `/2010-04-01/Accounts/${other.sid}/Calls/${all[0]!.sid}.json`, {
      as: other,
    });
    expect(foreign.statusCode).toBe(404);
  });

  it('CR-6 a call has a history; keys are pressed into it; a placed call is recorded from its answer on', async () => {
    const call = events('history');
    await apply(call.life());
    const path = `/v1/accounts/${world.account.sid}/calls/${call.sid}`;
    const all = (await world.request('GET', `${path}/versions`)).json<{
      versions: { version: number; state: object }[];
    }>();
    expect(all.versions.map(({ version }) => version)).toEqual([1, 2, 3, 4]);
    expect(all.versions[2]).toMatchObject({ source: 'call.answered', state: { status: 'in-progress' } });
    const third = await world.request('GET', `${path}/versions?version=4`);
    expect(third.json()).toMatchObject({ versions: [{ state: { status: 'completed', duration: 60 } }] });
    expect((await world.request('GET', `${path}/versions?version=5`)).statusCode).toBe(404);
    expect((await world.request('POST', `${path}/digits`, { json: { digits: '1' } })).statusCode).toBe(400);
    const live = events('live keys');
    await apply([live.next('call.initiated'), live.next('call.answered')]);
    const keys = `/v1/accounts/${world.account.sid}/calls/${live.sid}/digits`;
    expect((await world.request('POST', keys, { json: { digits: '12w#' } })).statusCode).toBe(202);
    expect(world.callControl.asked.at(-1)).toMatchObject({ kind: 'send-digits', digits: '12w#' });
    const recorded = await client.calls.create({
      to: '+15550123',
      from: '+15550100',
      url: URL_,
      record: true,
      recordingChannels: 'dual',
      recordingStatusCallback: 'https://app.test/r',
    });
    expect(world.callRequests.waiting.get(recorded.sid)?.order).toMatchObject({
      record: { channels: 'dual', track: 'both', trim: true, callback: { events: ['completed'] } },
    });
  });

  it('outgoing caller ids: declared, shown by calls, renamed, gone', async () => {
    const options = { to: '+15550123', from: '+15559000', url: URL_ };
    await expect(client.calls.create(options)).rejects.toMatchObject({ code: 21_210 });
    await client.validationRequests.create({ phoneNumber: '+1 555 9000', friendlyName: 'desk' });
    expect((await client.calls.create(options)).from).toBe('+15559000');
    const [made] = await client.outgoingCallerIds.list({ phoneNumber: '+15559000' });
    expect(made).toMatchObject({ friendlyName: 'desk', phoneNumber: '+15559000' });
    expect((await client.outgoingCallerIds(made!.sid).update({ friendlyName: 'new' })).friendlyName).toBe('new');
    expect(await client.outgoingCallerIds(made!.sid).remove()).toBe(true);
    await expect(client.calls.create(options)).rejects.toMatchObject({ code: 21_210 });
  });

  it('usage triggers: made, listed, changed, gone', async () => {
    const made = await client.usage.triggers.create({
      callbackUrl: 'https://app.test/t',
      triggerValue: '+5',
      usageCategory: 'calls',
      triggerBy: 'count',
      recurring: 'yearly',
    });
    expect(made).toMatchObject({
      usageCategory: 'calls',
      triggerBy: 'count',
      recurring: 'yearly',
      callbackMethod: 'POST',
    });
    expect(Number(made.triggerValue)).toBe(Number(made.currentValue) + 5);
    expect(await client.usage.triggers.list({ recurring: 'daily' })).toEqual([]);
    expect(await client.usage.triggers(made.sid).update({ friendlyName: 'five' })).toMatchObject({
      friendlyName: 'five',
    });
    expect(await client.usage.triggers(made.sid).remove()).toBe(true);
    await expect(client.usage.triggers(made.sid).fetch()).rejects.toMatchObject({ status: 404 });
  });

  it('events, notifications and usage of calls', async () => {
    const call = events('with logs');
    const exchange = { url: URL_, purpose: 'instructions', params: { Digits: '1' }, idempotencyToken: 't' };
    await apply([
      call.next('call.initiated'),
      call.next('call.exchange', { ...exchange, method: 'POST', status: 200, durationMs: 5 }),
      call.next('call.exchange', { ...exchange, method: 'GET', durationMs: 9, problem: 'no answer' }),
      call.next('call.instructions-failed', {
        url: URL_,
        method: 'POST',
        code: 11_200,
        message: 'HTTP 500',
        hint: 'x',
      }),
    ]);
    const requests = await client.calls(call.sid).events.list();
    expect(requests).toHaveLength(2);
    expect(requests[1]?.request).toMatchObject({ method: 'POST', url: URL_, parameters: { Digits: '1' } });
    expect(requests[1]?.response).toMatchObject({ response_code: 200, request_duration: 5 });
    const [notification] = await client.calls(call.sid).notifications.list();
    expect(notification).toMatchObject({ errorCode: '11200', log: '0', requestUrl: URL_, callSid: call.sid });
    const fetched = await client.api.v2010.account.notifications(notification!.sid).fetch();
    expect(fetched.messageText).toContain('HTTP+500');
    expect((await client.api.v2010.account.notifications.list({ log: 0 })).length).toBeGreaterThan(0);
    expect(await client.api.v2010.account.notifications.list({ log: 1 })).toEqual([]);
    const records_ = await client.usage.records.list({ category: 'calls-inbound' });
    expect(records_).toMatchObject([{ category: 'calls-inbound', countUnit: 'calls', usageUnit: 'minutes' }]);
    expect(Number(records_[0]?.count)).toBeGreaterThan(4);
    const daily = await client.usage.records.daily.list({ category: 'calls-inbound' });
    expect(daily.map(({ startDate }) => startDate.toISOString().slice(0, 10))).toEqual(['2026-01-05']);
    expect(await client.usage.records.yesterday.list({ category: 'calls' })).toMatchObject([{ count: '0' }]);
  });
});
