import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RestWorld } from './testing/rest-world.ts';

let world: RestWorld;
beforeEach(async () => {
  world = await RestWorld.open();
});
afterEach(() => world.app.close());
const own = (part: string): string => `/v1/accounts/${world.account.sid}/${part}`;

const TRUNK = {
  name: 'carrier',
  allow: ['203.0.113.0/24'],
  digestUsername: 'us',
  digestSecret: 'a digest secret',
  channels: 30,
  settings: { gateways: [{ host: 'sip.example.com', transport: 'tls' }], prefixes: ['+49'], optionsIntervalS: 30 },
};

describe('trunks', () => {
  it('create, list, fetch, update, delete; secrets are not shown', async () => {
    const made = await world.request('POST', own('trunks'), { json: TRUNK });
    expect(made.statusCode).toBe(201);
    const { sid } = made.json<{ sid: string }>();
    expect(made.json()).toMatchObject({ name: 'carrier', codecs: ['PCMU', 'PCMA'], settings: { prefixes: ['+49'] } });
    expect(made.json<{ createdAt: string }>().createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(world.directory.trunk(sid)).toMatchObject({ digest: { secret: 'a digest secret' } });
    const updated = await world.request('POST', own(`trunks/${sid}`), { json: { settings: { srtp: 'required' } } });
    // What is left out stays, secrets included.
    expect(updated.json()).toMatchObject({
      channels: 30,
      digestUsername: 'us',
      settings: { srtp: 'required', prefixes: ['+49'], optionsIntervalS: 30, gateways: [{ host: 'sip.example.com' }] },
    });
    expect(world.directory.trunk(sid)).toMatchObject({ srtp: 'required', digest: { secret: 'a digest secret' } });
    for (const path of ['trunks', `trunks/${sid}`]) {
      const answer = await world.request('GET', own(path));
      expect(answer.statusCode).toBe(200);
      expect(answer.body).toContain(sid);
      expect(answer.body).not.toMatch(/secret/i);
    }
    expect((await world.request('DELETE', own(`trunks/${sid}`))).statusCode).toBe(204);
    expect((await world.request('GET', own(`trunks/${sid}`))).statusCode).toBe(404);
  });

  it('lists have absolute links', async () => {
    for (const name of ['a', 'b', 'c']) {
      world.tick();
      await world.store.addTrunk(world.account.sid, { name });
    }
    const first = await world.request('GET', own('trunks?PageSize=2'));
    const { meta } = first.json<{ meta: Record<string, string | number | null> }>();
    const base = `http://localhost:80${own('trunks')}`;
    expect(meta).toMatchObject({ key: 'trunks', page: 0, page_size: 2, previous_page_url: null });
    expect(meta['url']).toBe(`${base}?PageSize=2`);
    const next = String(meta['next_page_url']);
    expect(next.startsWith(base)).toBe(true);
    const second = await world.request('GET', next.slice('http://localhost:80'.length));
    expect(second.json()).toMatchObject({ trunks: [{ name: 'a' }], meta: { page: 1, next_page_url: null } });
  });

  it.each<[string, object, string[]]>([
    ['an unknown member', { ...TRUNK, colour: 'red' }, ['']],
    ['an unknown setting', { ...TRUNK, settings: { colour: 'red' } }, ['/settings']],
    ['several faults', { name: '', allow: ['everything'] }, ['/name', '/allow/0']],
    [
      'a fault deep inside',
      { ...TRUNK, settings: { gateways: [{ host: 'a', port: 0 }] } },
      ['/settings/gateways/0/port'],
    ],
    ['nothing', {}, ['/name']],
  ])('a problem document points at %s', async (_what, json, pointers) => {
    const answer = await world.request('POST', own('trunks'), { json });
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    const problem = answer.json<{ errors: { pointer: string; detail: string }[] }>();
    expect(problem).toMatchObject({ title: 'Bad request', status: 400, code: 20001 });
    expect(problem.errors.map(({ pointer }) => (pointer === '/' ? '' : pointer))).toEqual(pointers);
  });

  it('what belongs to another account is not there', async () => {
    const other = await world.newAccount('Other');
    const trunk = await world.store.addTrunk(other.sid, { name: 'theirs' });
    for (const method of ['GET', 'DELETE'] as const) {
      expect((await world.request(method, own(`trunks/${trunk.sid}`))).statusCode).toBe(404);
      expect((await world.request(method, `/v1/accounts/${other.sid}/trunks/${trunk.sid}`)).statusCode).toBe(404);
    }
    expect((await world.request('PATCH', own('trunks'), { json: {} })).statusCode).toBe(405);
  });
});

it('SIP domains: create, list, fetch, update, delete', async () => {
  const other = await world.newAccount('Other');
  const theirs = await world.store.createApplication(other.sid, { name: 'theirs', voiceUrl: '' });
  const mine = await world.store.createApplication(world.account.sid, { name: 'mine', voiceUrl: '' });
  const create = (json: object) => world.request('POST', own('sip-domains'), { json });
  expect((await create({ domain: 'a.example', applicationSid: theirs.sid })).json()).toMatchObject({
    code: 21218,
    errors: [{ pointer: '/applicationSid' }],
  });
  const made = await create({ domain: 'Phones.Example.com', applicationSid: mine.sid });
  expect(made.json()).toMatchObject({ domain: 'phones.example.com', registration: true });
  expect((await create({ domain: 'phones.example.com' })).statusCode).toBe(409);
  const { sid } = made.json<{ sid: string }>();
  expect((await world.request('GET', own('sip-domains'))).json()).toMatchObject({ sipDomains: [{ sid }] });
  const updated = await world.request('POST', own(`sip-domains/${sid}`), { json: { applicationSid: null } });
  expect(updated.json()).toMatchObject({ applicationSid: null, registration: true });
  await world.store.phones.addUser(sid, { username: 'alice' });
  expect((await world.request('DELETE', own(`sip-domains/${sid}`))).statusCode).toBe(409);
});
