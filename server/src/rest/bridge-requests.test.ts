import { expect, it } from 'vitest';
import { silentLog } from '../kernel/index.ts';
import type { Records } from '../records/index.ts';
import { RestWorld } from './testing/rest-world.ts';

const NUMBER = '+15550100';
const body = { identity: 'alice', to: '+1 (555) 0123', from: NUMBER, data: { text: 'call me' }, ttl: 60 };

/** A world with a number to call from. */
async function open(): Promise<{ w: RestWorld; base: string }> {
  const records = { callerIds: { byNumber: () => Promise.resolve(undefined) } } as unknown as Records;
  const w = await RestWorld.open(silentLog, records);
  await w.store.addNumber(w.account.sid, { number: NUMBER });
  return { w, base: `/v1/accounts/${w.account.sid}/bridge-requests` };
}

it('BR-10 bridge requests are made with a token that is shown once, read, listed and taken back', async () => {
  const { w, base } = await open();
  const created = await w.request('POST', base, { json: body });
  expect(created.statusCode, created.body).toBe(201);
  const made = created.json<{ sid: string; token: string }>();
  expect(made).toMatchObject({ status: 'pending', to: '+15550123', data: { text: 'call me' }, callSid: null });
  expect(w.published).toMatchObject([
    { type: 'client.bridge-request', data: { identity: 'alice', requestSid: made.sid, token: made.token } },
  ]);
  const read = (await w.request('GET', `${base}/${made.sid}`)).json<object>();
  expect({ ...read, token: made.token }).toEqual(made);
  expect(read).not.toHaveProperty('token');
  w.tick();
  const quiet = await w.request('POST', base, {
    json: { identity: 'bob', to: 'client:x', from: 'us', announce: false },
  });
  expect(quiet.statusCode, quiet.body).toBe(201);
  expect(w.published).toHaveLength(1);
  const list = async (query = ''): Promise<string[]> =>
    (await w.request('GET', `${base}${query}`))
      .json<{ bridge_requests: { identity: string }[] }>()
      .bridge_requests.map(({ identity }) => identity);
  expect(await list()).toEqual(['bob', 'alice']);
  expect(await list('?identity=alice')).toEqual(['alice']);
  expect((await w.request('DELETE', `${base}/${made.sid}`)).statusCode).toBe(204);
  expect(await list('?status=canceled')).toEqual(['alice']);
  const again = await w.request('DELETE', `${base}/${made.sid}`);
  expect(again.statusCode).toBe(409);
  expect(again.json()).toMatchObject({ detail: 'the bridge request was taken back' });
  await w.app.close();
});

it("refuses what cannot be called, numbers that are not the account's, and requests of other accounts", async () => {
  const { w, base } = await open();
  const other = await w.newAccount('Other');
  const codes: unknown[] = [];
  for (const change of [
    { to: 'nobody' },
    { from: '+15559999' },
    { from: 'client:alice' },
    { identity: 'a b' },
    { ttl: 0 },
    { ttl: 86_401 },
    { data: 'x'.repeat(5000) },
    { applicationSid: `AP${'0'.repeat(32)}` },
    { more: 1 },
  ]) {
    const refused = await w.request('POST', base, { json: { ...body, ...change } });
    codes.push(refused.json<{ code: number }>().code);
  }
  expect(codes).toEqual([21_211, 21_210, 21_212, 20_001, 20_001, 20_001, 20_413, 21_218, 20_001]);
  const made = (await w.request('POST', base, { json: body })).json<{ sid: string }>();
  const theirs = `/v1/accounts/${other.sid}/bridge-requests`;
  expect((await w.request('GET', `${theirs}/${made.sid}`, { as: other })).statusCode).toBe(404);
  expect((await w.request('DELETE', `${theirs}/${made.sid}`, { as: other })).statusCode).toBe(404);
  expect((await w.request('GET', `${base}/${made.sid}`, { as: other })).statusCode).toBeGreaterThanOrEqual(401);
  await w.app.close();
});
