import { expect, it } from 'vitest';
import { RestWorld } from './testing/rest-world.ts';

it('EV-5 webhooks are created with a secret that is shown once, changed, paused, tested, listed and deleted', async () => {
  const w = await RestWorld.open();
  const base = `/v1/accounts/${w.account.sid}/webhooks`;
  const body = { url: 'https://receiver.example/hook', topics: ['calls.>'], filter: { type: 'call.*' } };
  const created = await w.request('POST', base, { json: body });
  expect(created.statusCode).toBe(201);
  const { sid, secret } = created.json<{ sid: string; secret: string }>();
  expect(secret).toMatch(/^whsec_/);
  expect((await w.request('GET', `${base}/${sid}`)).json()).not.toHaveProperty('secret');
  const paused = await w.request('POST', `${base}/${sid}`, { json: { status: 'paused', batchEvents: 7 } });
  expect(paused.json()).toMatchObject({ status: 'paused', pauseReason: 'requested', batchEvents: 7 });
  const resumed = await w.request('POST', `${base}/${sid}`, { json: { status: 'active' } });
  expect(resumed.json()).toMatchObject({ status: 'active', pauseReason: null });
  const tested = await w.request('POST', `${base}/${sid}/test`);
  expect(tested.json()).toMatchObject({ status: 200, problem: null });
  expect(w.receiver.taken).toHaveLength(1);
  expect((await w.request('POST', `${base}/${sid}/redrive`)).statusCode).toBe(202);
  expect((await w.request('GET', `${base}/${sid}/dead-letters`)).json()).toEqual({ dead_letters: [] });
  w.tick();
  await w.request('POST', base, { json: { ...body, name: 'second' } });
  const page = (await w.request('GET', `${base}?PageSize=1`)).json<{
    webhooks: { name: string }[];
    meta: { next_page_url: string };
  }>();
  expect(page.webhooks.map(({ name }) => name)).toEqual(['second']);
  const next = await w.request('GET', page.meta.next_page_url.replace(/^[a-z]+:\/\/[^/]+/, ''));
  expect(next.json<{ webhooks: { sid: string }[] }>().webhooks.map((one) => one.sid)).toEqual([sid]);
  expect((await w.request('DELETE', `${base}/${sid}`)).statusCode).toBe(204);
  expect((await w.request('GET', `${base}/${sid}`)).statusCode).toBe(404);
  await w.app.close();
});

it('refuses what is no webhook, and what is of another account', async () => {
  const w = await RestWorld.open();
  const other = await w.newAccount('Other');
  const base = `/v1/accounts/${w.account.sid}/webhooks`;
  const body = { url: 'https://receiver.example/', topics: ['calls.>'] };
  for (const wrong of [
    { url: 'ftp://x.example/' },
    { url: 'https://user:password@x.example/' },
    { topics: [] },
    { topics: ['a..b'] },
    { secret: 'short' },
    { filter: { tpye: 'x' } },
  ]) {
    expect((await w.request('POST', base, { json: { ...body, ...wrong } })).statusCode).toBe(400);
  }
  const { sid } = (await w.request('POST', base, { json: body })).json<{ sid: string }>();
  const foreign = await w.request('GET', `/v1/accounts/${other.sid}/webhooks/${sid}`, { as: other });
  expect(foreign.statusCode).toBe(404);
  await w.app.close();
});
