import { beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_ACCOUNT_LIMITS } from '../tenants/index.ts';
import { OPERATOR_KEY, RestWorld } from './testing/rest-world.ts';
import type { TestAccount } from './testing/rest-world.ts';

let world: RestWorld;
let child: TestAccount;
beforeEach(async () => {
  world = await RestWorld.open();
  child = await world.newAccount('Child', world.account.sid);
});

const path = ({ sid }: { readonly sid: string }): string => `/v1/accounts/${sid}/limits`;
const asOperator = (method: 'GET' | 'PUT', sid: string, json?: object, key = OPERATOR_KEY) =>
  world.app.inject({
    method,
    url: path({ sid }),
    headers: { authorization: `Bearer ${key}` },
    ...(json === undefined ? {} : { payload: json }),
  });

describe('EV-9 limits of an account', () => {
  it('are set by the account that owns it; what is left out is the default', async () => {
    const put = await world.request('PUT', path(child), { json: { connections: 5, publishBytesPerSecond: 1000 } });
    expect(put.statusCode, put.body).toBe(200);
    expect(put.json()).toMatchObject({
      accountSid: child.sid,
      limits: { connections: 5, publishBytesPerSecond: 1000 },
      effective: { ...DEFAULT_ACCOUNT_LIMITS, connections: 5, publishBytesPerSecond: 1000 },
    });
    // In force where it is answered: the directory has it.
    expect(world.directory.accountBySid(child.sid)?.limits).toEqual({ connections: 5, publishBytesPerSecond: 1000 });
    expect((await world.request('GET', path(child), { as: child })).json()).toMatchObject({
      limits: { connections: 5, publishBytesPerSecond: 1000 },
    });
    const cleared = await world.request('PUT', path(child), { json: {} });
    expect(cleared.json()).toMatchObject({ limits: {}, effective: DEFAULT_ACCOUNT_LIMITS });
  });

  it('are not changed by the account itself, by a key, or by a stranger', async () => {
    const itself = await world.request('PUT', path(child), { as: child, json: { connections: 9 } });
    expect([itself.statusCode, itself.headers['content-type']]).toEqual([403, 'application/problem+json']);
    expect(itself.json()).toMatchObject({
      code: 20006,
      detail: 'An account cannot change its own limits: its owner or the operator can',
    });
    const { key, secret } = await world.store.createKey(world.account.sid, 'k');
    const byKey = await world.request('PUT', path(child), { as: { sid: key.sid, authToken: secret }, json: {} });
    expect(byKey.statusCode).toBe(403);
    const stranger = await world.newAccount('Stranger');
    for (const method of ['GET', 'PUT'] as const) {
      const answer = await world.request(method, path(child), {
        as: stranger,
        ...(method === 'PUT' ? { json: {} } : {}),
      });
      expect(answer.statusCode).toBe(404);
    }
  });

  it('an owner gives no more than it has itself; every field at fault is named', async () => {
    await asOperator('PUT', world.account.sid, { connections: 100, subscriptions: 10 });
    const put = await world.request('PUT', path(child), {
      json: { connections: 101, subscriptions: 11, publishBurst: 1 },
    });
    expect(put.statusCode).toBe(400);
    expect(put.json()).toMatchObject({
      detail: 'connections: at most 100, as the account that owns it has',
      errors: [{ pointer: '/connections' }, { pointer: '/subscriptions' }],
    });
    expect((await world.request('PUT', path(child), { json: { connections: 100 } })).statusCode).toBe(200);
  });

  it('EV-8 the operator sets those of any account, and nothing else with its key', async () => {
    const put = await asOperator('PUT', world.account.sid, { retentionSeconds: 3600, retentionBytes: 1_000_000 });
    expect(put.statusCode, put.body).toBe(200);
    expect(put.json()).toMatchObject({ limits: { retentionSeconds: 3600, retentionBytes: 1_000_000 } });
    expect((await asOperator('GET', world.account.sid)).json()).toMatchObject(put.json());
    expect((await asOperator('GET', `AC${'0'.repeat(32)}`)).statusCode).toBe(404);
    expect((await asOperator('GET', world.account.sid, undefined, 'another')).statusCode).toBe(401);
    for (const url of [
      `/v1/accounts/${child.sid}/trunks`,
      `/v1/accounts/${child.sid}/events`,
      `/2010-04-01/Accounts/${child.sid}.json`,
    ]) {
      const answer = await world.app.inject({ url, headers: { authorization: `Bearer ${OPERATOR_KEY}` } });
      expect([url, answer.statusCode]).toEqual([url, 401]);
    }
  });

  it.each([
    [{ connections: -1 }, '/connections'],
    [{ connections: 1.5 }, '/connections'],
    [{ retentionSeconds: 1_000_000 }, '/retentionSeconds'],
    [{ conections: 1 }, '/'],
    [{ publishesPerSecond: 'many' }, '/publishesPerSecond'],
  ])('%j is refused', async (json, pointer) => {
    const put = await world.request('PUT', path(child), { json });
    expect(put.statusCode).toBe(400);
    expect(put.json<{ errors: unknown[] }>().errors[0]).toMatchObject({ pointer });
  });
});

describe('EV-9 publishing over HTTP', () => {
  const publish = (json: unknown) => world.request('POST', `/v1/accounts/${world.account.sid}/events`, { json });
  const events = (count: number) => ({
    events: Array.from({ length: count }, (_, n) => ({ topic: 'app.a', data: n })),
  });

  it('over a rate of the account: 429 with Retry-After, in a batch the part that is over', async () => {
    await asOperator('PUT', world.account.sid, { publishesPerSecond: 1, publishBurst: 3 });
    const batch = await publish(events(5));
    expect(batch.statusCode).toBe(200);
    const { results } = batch.json<{ results: { outcome: string; error?: object }[] }>();
    expect(results.map(({ outcome }) => outcome)).toEqual(['stored', 'stored', 'stored', 'refused', 'refused']);
    expect(results[4]?.error).toMatchObject({ code: 20429, status: 429, retryAfterMs: 1000 });
    for (const body of [events(2), { topic: 'app.a', data: 1 }]) {
      const refused = await publish(body);
      expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '1']);
      expect(refused.json()).toMatchObject({
        code: 20429,
        detail: 'Over a limit of the account: the account publishes more than 1 events a second',
      });
    }
    world.clock.advance(1000);
    expect((await publish({ topic: 'app.a', data: 1 })).statusCode).toBe(201);
    await asOperator('PUT', world.account.sid, {});
    expect((await publish(events(50))).json<{ results: { outcome: string }[] }>().results[49]?.outcome).toBe('stored');
  });
});
