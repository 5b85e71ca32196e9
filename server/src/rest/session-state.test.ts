import { expect, it, vi } from 'vitest';
import { MemoryDelegateStore } from '../app-server/delegates/delegate-store.memory.ts';
import { RestWorld } from './testing/rest-world.ts';

const PAIR = { from: '+15550177', to: '+15550100' };
const URL_ = 'https://app.example.com/voice';

it('SS-6 session state is listed, shown and forgotten, each account its own', async () => {
  const w = await RestWorld.open();
  const other = await w.newAccount('Other');
  const { state } = w.sessions;
  for (const from of [PAIR.from, 'client:alice']) {
    const key = { accountSid: w.account.sid, callSid: 'CA1', ...PAIR, from };
    await (await state.begin(key, URL_)).keep(['sid=abc; Path=/; Secure; HttpOnly', 'gone=; Max-Age=0']);
  }
  const base = `/v1/accounts/${w.account.sid}/session-state`;
  const list = (await w.request('GET', `${base}?From=${encodeURIComponent(PAIR.from)}`)).json<{
    session_state: { id: string }[];
  }>();
  expect(list.session_state).toMatchObject([
    {
      ...PAIR,
      callSid: null,
      cookies: [{ name: 'sid', value: 'abc', secure: true, origin: 'https://app.example.com' }],
    },
  ]);
  const { id } = list.session_state[0]!;
  expect((await w.request('GET', `${base}/${id}`)).json()).toMatchObject(PAIR);
  const foreign = `/v1/accounts/${other.sid}/session-state`;
  expect((await w.request('GET', `${foreign}/${id}`, { as: other })).statusCode).toBe(404);
  expect((await w.request('GET', foreign, { as: other })).json()).toEqual({ session_state: [] });
  expect((await w.request('DELETE', `${base}/${id}`)).statusCode).toBe(204);
  expect((await w.request('GET', `${base}/${id}`)).statusCode).toBe(404);
  expect((await w.request('GET', `${base}/nonsense`)).statusCode).toBe(404);
  expect((await w.request('DELETE', base)).statusCode).toBe(400);
  expect((await w.request('DELETE', `${base}?From=client%3Aalice`)).json()).toEqual({ deleted: 1 });
  expect((await w.request('GET', base)).json()).toEqual({ session_state: [] });
  await w.app.close();
});

it('SS-4 a tracking link leads on, and its visit is told to the next request', async () => {
  const w = await RestWorld.open();
  const url = 'https://shop.example/cart';
  const base = `/v1/accounts/${w.account.sid}/tracking-links`;
  const made = await w.request('POST', base, { json: { ...PAIR, url } });
  expect(made.statusCode).toBe(201);
  const { link, sid } = made.json<{ link: string; sid: string }>();
  const path = new URL(link).pathname;
  expect(path).toMatch(/^\/l\/[0-9a-f]{32}$/);
  const visited = await w.app.inject({ method: 'GET', url: path });
  expect([visited.statusCode, visited.headers.location]).toEqual([302, url]);
  const cookie = String(visited.headers['set-cookie']).split(';')[0]!;
  expect(String(visited.headers['set-cookie'])).toMatch(/HttpOnly; SameSite=Lax/);
  await w.app.inject({ method: 'GET', url: path, headers: { cookie } });
  expect((await w.app.inject({ method: 'GET', url: `/l/${'0'.repeat(32)}` })).statusCode).toBe(404);
  const key = { accountSid: w.account.sid, callSid: 'CA1', ...PAIR };
  const { visits } = await w.sessions.state.begin(key, URL_);
  expect(visits.map(({ linkSid }) => linkSid)).toEqual([sid, sid]);
  expect(new Set(visits.map(({ webSession }) => webSession)).size).toBe(1);
  for (const wrong of [{ url: 'javascript:alert(1)' }, { from: '' }, { seconds: 1 }]) {
    expect((await w.request('POST', base, { json: { ...PAIR, url, ...wrong } })).statusCode).toBe(400);
  }
  await w.app.close();
});

it('CR-8 delegates of an application are set in order and shown, and go with it; of no other account', async () => {
  const w = await RestWorld.open();
  const other = await w.newAccount('Other');
  const made = await w.request('POST', `/2010-04-01/Accounts/${w.account.sid}/Applications.json`, {
    form: 'VoiceUrl=wss%3A%2F%2Fapp.example.com%2Fcontrol',
  });
  const { sid, voice_url } = made.json<{ sid: string; voice_url: string }>();
  expect(voice_url).toBe('wss://app.example.com/control');
  const path = `/v1/accounts/${w.account.sid}/applications/${sid}/delegates`;
  expect((await w.request('GET', path)).json()).toEqual({ delegates: [] });
  const attributes = ['b', 'a'].map((name) => ({ name, value: '1' }));
  const delegates = [{ url: 'https://one.example/#tt=2000', attributes }, { url: 'wss://two.example/' }];
  const put = await w.request('PUT', path, { json: { delegates } });
  expect(put.statusCode).toBe(200);
  expect((await w.request('GET', path)).json()).toEqual({
    delegates: delegates.map((one) => ({ method: 'POST', attributes: [], ...one })),
  });
  for (const wrong of [{ url: 'ftp://x/' }, { attributes: [{ name: 'a b', value: '' }] }]) {
    const body = { delegates: [{ ...delegates[0], ...wrong }] };
    expect((await w.request('PUT', path, { json: body })).statusCode).toBe(400);
  }
  const foreign = `/v1/accounts/${other.sid}/applications/${sid}/delegates`;
  expect((await w.request('GET', foreign, { as: other })).statusCode).toBe(404);
  const instance = `/2010-04-01/Accounts/${w.account.sid}/Applications/${sid}.json`;
  const removed = vi.spyOn(MemoryDelegateStore.prototype, 'remove');
  expect((await w.request('DELETE', instance)).statusCode).toBe(204);
  expect(removed).toHaveBeenCalledExactlyOnceWith(w.account.sid, sid);
  removed.mockRestore();
  await w.app.close();
});
