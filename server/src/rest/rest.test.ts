import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../kernel/index.ts';
import { RestWorld, basic } from './testing/rest-world.ts';
import type { TestAccount } from './testing/rest-world.ts';

let world: RestWorld;
beforeEach(async () => {
  world = await RestWorld.open();
});
afterEach(() => world.app.close());

const FORM = 'application/x-www-form-urlencoded';

describe('CR-4 errors of 2010-04-01', () => {
  it.each<[string, { method: 'GET' | 'POST' | 'PUT'; path: string; form?: string; type?: string }, number, number]>([
    ['an unknown path', { method: 'GET', path: 'Nothing.json' }, 404, 20404],
    ['a sid that is none', { method: 'GET', path: 'Applications/AP1.json' }, 404, 20404],
    ['a sid of another kind', { method: 'GET', path: `Applications/PN${'0'.repeat(32)}.json` }, 404, 20404],
    ['a sid that does not exist', { method: 'GET', path: `Keys/SK${'0'.repeat(32)}.json` }, 404, 20404],
    ['a method that is not there', { method: 'PUT', path: 'Applications.json', form: '' }, 405, 20004],
    ['a bad URL', { method: 'POST', path: 'Applications.json', form: 'VoiceUrl=javascript:alert(1)' }, 400, 21205],
    ['a bad method', { method: 'POST', path: 'Applications.json', form: 'VoiceMethod=BREW' }, 400, 20001],
    ['a name too long', { method: 'POST', path: 'Keys.json', form: `FriendlyName=${'x'.repeat(65)}` }, 400, 20001],
    ['a parameter twice', { method: 'POST', path: 'Applications.json', form: 'VoiceUrl=a&VoiceUrl=b' }, 400, 20001],
    ['a bad number', { method: 'POST', path: 'IncomingPhoneNumbers.json', form: 'PhoneNumber=12' }, 400, 21421],
    ['no number', { method: 'POST', path: 'IncomingPhoneNumbers.json', form: '' }, 400, 21421],
    ['an area code', { method: 'POST', path: 'IncomingPhoneNumbers.json', form: 'AreaCode=415' }, 400, 21452],
    [
      'an application that is not there',
      {
        method: 'POST',
        path: 'IncomingPhoneNumbers.json',
        form: `PhoneNumber=%2B15550111&VoiceApplicationSid=AP${'0'.repeat(32)}`,
      },
      400,
      21218,
    ],
    ['a body of another type', { method: 'POST', path: 'Keys.json', form: '<a/>', type: 'text/xml' }, 415, 20415],
    ['plain text', { method: 'POST', path: 'Keys.json', form: 'x', type: 'text/plain' }, 415, 20415],
    ['broken JSON', { method: 'POST', path: 'Keys.json', form: '{"a"', type: 'application/json' }, 400, 20001],
    [
      'poisoned JSON',
      { method: 'POST', path: 'Keys.json', form: '{"__proto__":{}}', type: 'application/json' },
      400,
      20001,
    ],
    ['a list as JSON', { method: 'POST', path: 'Keys.json', form: '[1]', type: 'application/json' }, 400, 20001],
    ['a body too large', { method: 'POST', path: 'Keys.json', form: `A=${'x'.repeat(300_000)}` }, 413, 20413],
    ['too many parameters', { method: 'POST', path: 'Keys.json', form: 'a=1&'.repeat(1001) }, 400, 20001],
    ['a page size of nothing', { method: 'GET', path: 'Keys.json?PageSize=0' }, 400, 20001],
    ['a page size that is none', { method: 'GET', path: 'Keys.json?PageSize=1e999' }, 400, 20001],
    ['a page by number', { method: 'GET', path: 'Keys.json?Page=2' }, 400, 20001],
    ['a token that is none', { method: 'GET', path: "Keys.json?PageToken=' OR 1=1 --" }, 400, 20001],
    ['a filter twice', { method: 'GET', path: 'Applications.json?FriendlyName=a&FriendlyName=b' }, 400, 20001],
  ])('%s', async (_what, { method, path, form, type = FORM }, status, code) => {
    const headers = form === undefined ? {} : { 'content-type': type };
    const answer = await world.request(method, path.replaceAll(' ', '%20'), {
      ...(form === undefined ? {} : { form }),
      headers,
    });
    expect(answer.statusCode).toBe(status);
    const body = answer.json<Record<string, unknown>>();
    expect(Object.keys(body).sort()).toEqual(['code', 'message', 'more_info', 'status']);
    expect(body).toMatchObject({ code, status, more_info: `http://localhost:80/docs/errors/${code}` });
    expect(answer.headers['x-request-id']).toMatch(/^RQ[0-9a-f]{32}$/);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('405 says what is allowed, 401 how to log in', async () => {
    const wrong = await world.request('DELETE', 'Applications.json');
    expect(wrong.headers.allow).toBe('GET, HEAD, POST');
    const anonymous = await world.app.inject(`/2010-04-01/Accounts/${world.account.sid}.json`);
    expect(anonymous.statusCode).toBe(401);
    expect(anonymous.headers['www-authenticate']).toMatch(/^Basic /);
  });

  it('500 tells nothing but an id, which is in the log', async () => {
    const lines: string[] = [];
    await world.app.close();
    const log = createLog({ level: 'error', destination: { write: (line: string) => lines.push(line) } });
    world = await RestWorld.open(log);
    world.repository.page = () => Promise.reject(new Error('secret of the database'));
    const answer = await world.request('GET', 'Applications.json?FriendlyName=private');
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain('secret');
    const id = String(answer.headers['x-request-id']);
    expect(answer.json()).toMatchObject({ code: 20500, message: `Internal error; in the log as ${id}` });
    expect(lines.join('')).toContain(id);
    expect(lines.join('')).toContain('secret of the database');
    expect(lines.join('')).not.toContain('private');
  });

  it('what an error code means can be looked up', async () => {
    expect((await world.app.inject('/docs/errors/20404')).json()).toMatchObject({ code: 20404, status: 404 });
    expect((await world.app.inject('/docs/errors/x')).statusCode).toBe(404);
  });

  it('no page of another origin reads anything', async () => {
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'GET' };
    for (const method of ['GET', 'OPTIONS'] as const) {
      const answer = await world.request(method, 'Applications.json', { headers });
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });
});

describe('CR-4 who may', () => {
  const statusOf = async (as: TestAccount, method: 'GET' | 'POST' | 'DELETE', url: string): Promise<number> =>
    (await world.request(method, url, { as, ...(method === 'POST' ? { form: '' } : {}) })).statusCode;

  it('what belongs to another account is not there', async () => {
    const other = await world.newAccount('Other');
    const own = `/2010-04-01/Accounts/${other.sid}`;
    const application = await world.store.createApplication(other.sid, { name: 'a', voiceUrl: '' });
    const { key } = await world.store.createKey(other.sid, 'k');
    const number = await world.store.addNumber(other.sid, { number: '+15550123' });
    const mine = `/2010-04-01/Accounts/${world.account.sid}`;
    for (const part of [`Applications/${application.sid}`, `Keys/${key.sid}`, `IncomingPhoneNumbers/${number.sid}`]) {
      expect(await statusOf(other, 'GET', `${own}/${part}.json`), part).toBe(200);
      for (const method of ['GET', 'POST', 'DELETE'] as const) {
        expect(await statusOf(world.account, method, `${own}/${part}.json`)).toBe(404);
        expect(await statusOf(world.account, method, `${mine}/${part}.json`)).toBe(404);
      }
    }
    expect(await statusOf(world.account, 'GET', `${own}.json`)).toBe(404);
    expect(await statusOf(world.account, 'POST', `${own}.json`)).toBe(404);
    const taken = await world.request('POST', 'IncomingPhoneNumbers.json', {
      form: `PhoneNumber=%2B15550199&VoiceApplicationSid=${application.sid}`,
    });
    expect(taken.json()).toMatchObject({ code: 21218 });
    expect((await world.request('GET', '/2010-04-01/Accounts.json')).json()).toMatchObject({
      accounts: [{ sid: world.account.sid }],
    });
  });

  it('an owner acts for its accounts, they do not for it, and its key does as far as keys go', async () => {
    const owned = await world.newAccount('Owned', world.account.sid);
    const path = `/2010-04-01/Accounts/${owned.sid}`;
    expect(await statusOf(world.account, 'POST', `${path}/Applications.json`)).toBe(201);
    expect(await statusOf(owned, 'GET', `/2010-04-01/Accounts/${world.account.sid}.json`)).toBe(404);
    expect(await statusOf(owned, 'POST', '/2010-04-01/Accounts.json')).toBe(403);
    const { key, secret } = await world.store.createKey(world.account.sid, 'k');
    const byKey = { sid: key.sid, authToken: secret };
    expect(await statusOf(byKey, 'POST', `${path}/Applications.json`)).toBe(201);
    for (const refused of ['/2010-04-01/Accounts.json', `${path}.json`, `${path}/Keys.json`]) {
      expect(await statusOf(byKey, 'POST', refused), refused).toBe(403);
    }
    expect((await world.request('GET', `${path}.json`, { as: byKey })).json()).toMatchObject({ auth_token: '' });
  });

  it('a suspended account may nothing; its owner looks, and brings it back; closed stays closed', async () => {
    const owned = await world.newAccount('Owned', world.account.sid);
    const path = `/2010-04-01/Accounts/${owned.sid}`;
    const update = async (form: string, as = world.account): Promise<number> =>
      (await world.request('POST', `${path}.json`, { form, as })).statusCode;
    expect(await update('Status=suspended', owned)).toBe(403);
    expect(await update('Status=suspended')).toBe(200);
    const refused = await world.request('GET', `${path}.json`, { as: owned });
    expect([refused.statusCode, refused.json<{ code: number }>().code]).toEqual([403, 20005]);
    expect(await statusOf(world.account, 'GET', `${path}/Keys.json`)).toBe(200);
    expect(await statusOf(world.account, 'POST', `${path}/Keys.json`)).toBe(403);
    expect(await update('Status=active')).toBe(200);
    expect(await statusOf(owned, 'GET', `${path}.json`)).toBe(200);
    expect(await update('Status=closed')).toBe(200);
    expect(await update('Status=active')).toBe(400);
    // With its owner.
    const second = await world.newAccount('Second', world.account.sid);
    await world.store.updateAccount(world.account.sid, { status: 'suspended' });
    expect(await statusOf(second, 'GET', `/2010-04-01/Accounts/${second.sid}.json`)).toBe(403);
  });

  it('failed logins are counted by source and user, and waited for', async () => {
    const { sid } = world.account;
    const login = async (as: TestAccount, remoteAddress = '192.0.2.1'): Promise<number> => {
      const url = `/2010-04-01/Accounts/${sid}.json`;
      return (await world.app.inject({ url, remoteAddress, headers: { authorization: basic(as) } })).statusCode;
    };
    for (let i = 0; i < 10; i += 1) expect(await login({ sid, authToken: `guess ${i}` })).toBe(401);
    const url = `/2010-04-01/Accounts/${sid}.json`;
    const headers = { authorization: basic(world.account) };
    const blocked = await world.app.inject({ url, headers, remoteAddress: '192.0.2.1' });
    expect(blocked.statusCode).toBe(429);
    expect(blocked.headers['retry-after']).toBe('60');
    expect(blocked.json()).toMatchObject({ code: 20429 });
    // Others of the same source, and the same from elsewhere, are not concerned.
    const other = await world.newAccount('Other', sid);
    expect(await login(other)).toBe(404);
    expect(await login(world.account, '192.0.2.2')).toBe(200);
    world.clock.advance(60_001);
    expect(await login(world.account)).toBe(200);
  });
});

describe('CR-4 lists', () => {
  it('pages lead forth and back, keep filters, and bear records made in between', async () => {
    for (let i = 0; i < 5; i += 1) {
      world.tick();
      await world.store.createApplication(world.account.sid, { name: 'same', voiceUrl: '' });
    }
    interface Listed {
      applications: { sid: string }[];
      page: number;
      page_size: number;
      start: number;
      end: number;
      next_page_uri: string | null;
      previous_page_uri: string | null;
      first_page_uri: string;
    }
    const read = async (url: string): Promise<Listed> => (await world.request('GET', url)).json<Listed>();
    const sids = ({ applications }: Listed): string[] => applications.map(({ sid }) => sid);
    const first = await read('Applications.json?FriendlyName=same&PageSize=2');
    expect(first).toMatchObject({ page: 0, page_size: 2, start: 0, end: 1, previous_page_uri: null });
    world.tick();
    await world.store.createApplication(world.account.sid, { name: 'same', voiceUrl: '' });
    const second = await read(first.next_page_uri ?? '');
    expect(second).toMatchObject({ page: 1, start: 2, end: 3 });
    const third = await read(second.next_page_uri ?? '');
    expect(third.next_page_uri).toBeNull();
    expect(new Set([...sids(first), ...sids(second), ...sids(third)]).size).toBe(5);
    const back = await read(third.previous_page_uri ?? '');
    expect(sids(back)).toEqual(sids(second));
    expect(sids(await read(back.previous_page_uri ?? ''))).toEqual(sids(first));
    expect(sids(await read(back.first_page_uri)).length).toBe(2);
    expect(await read('Applications.json?PageSize=1000000')).toMatchObject({ page_size: 1000, next_page_uri: null });
  });

  it('a token is good for the list it was made for only', async () => {
    const other = await world.newAccount('Other');
    for (const { sid } of [world.account, other]) {
      for (const name of ['a', 'b', 'c']) await world.store.createApplication(sid, { name, voiceUrl: '' });
    }
    const page = await world.request('GET', 'Applications.json?PageSize=1');
    const link = page.json<{ next_page_uri: string }>().next_page_uri;
    const token = new URL(link, 'http://localhost').searchParams.get('PageToken') ?? '';
    const status = async (url: string, as?: TestAccount): Promise<number> =>
      (await world.request('GET', url, as === undefined ? {} : { as })).statusCode;
    expect(await status(link)).toBe(200);
    expect(await status(link.replace('Applications', 'Keys'))).toBe(400);
    expect(await status(`${link}&FriendlyName=a`)).toBe(400);
    expect(await status(link.replace(world.account.sid, other.sid), other)).toBe(400);
    const [payload = '', mac = ''] = token.split('.');
    const forged = Buffer.from(JSON.stringify(['after', '2999-01-01T00:00:00.000Z', "' OR 1=1"])).toString('base64url');
    for (const bad of [`${forged}.${mac}`, payload, `${payload}.`, `.${mac}`, `${payload}.${mac}x`, 'x'.repeat(513)]) {
      expect(await status(`Applications.json?PageSize=1&Page=1&PageToken=${bad}`), bad).toBe(400);
    }
  });

  it('what looks like SQL, a pattern or markup is text', async () => {
    const name = `'); DROP TABLE "accounts"; -- <b>%_\\`;
    const form = new URLSearchParams({ FriendlyName: name }).toString();
    const made = await world.request('POST', 'Applications.json', { form });
    expect(made.json()).toMatchObject({ friendly_name: name });
    const found = await world.request('GET', `Applications.json?${form}`);
    expect(found.json<{ applications: unknown[] }>().applications.length).toBe(1);
    expect((await world.request('GET', 'IncomingPhoneNumbers.json?PhoneNumber=%25')).json()).toMatchObject({
      incoming_phone_numbers: [],
    });
  });
});

it('JSON bodies do as well as forms', async () => {
  const made = await world.request('POST', 'Applications.json', {
    json: { FriendlyName: 'json', VoiceUrl: 'https://example.com/v', Unknown: [1] },
  });
  expect(made.statusCode).toBe(201);
  expect(made.json()).toMatchObject({ friendly_name: 'json', voice_url: 'https://example.com/v' });
});
