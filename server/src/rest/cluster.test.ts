import { beforeEach, describe, expect, it } from 'vitest';
import type { ClusterConsole } from '../cluster/ports.ts';
import { OPERATOR_KEY, RestWorld, basic } from './testing/rest-world.ts';

let world: RestWorld;
beforeEach(async () => {
  world = await RestWorld.open();
});

const ask = (method: 'GET' | 'POST', path: string, json?: object, authorization = `Bearer ${OPERATOR_KEY}`) =>
  world.app.inject({
    method,
    url: `/v1/cluster/${path}`,
    headers: { authorization },
    ...(json === undefined ? {} : { payload: json }),
  });
const tenant = (
  accountSid: string,
  rest: Partial<Awaited<ReturnType<ClusterConsole['tenants']>>['tenants'][number]> = {},
) => {
  const account = world.directory.accountBySid(accountSid);
  const empty = { calls: 0, queued: 0, scheduled: 0, connections: 0, uses: [] };
  return { ...empty, accountSid, name: account?.name ?? '', status: account?.status ?? 'closed', ...rest };
};

describe('the operator of a cluster', () => {
  it('is let in by the key of the server; every other credential is refused, and nothing is done', async () => {
    const { sid } = await world.newAccount('Customer');
    const strangers = ['', 'Bearer other', `Basic ${OPERATOR_KEY}`, basic(world.account)];
    for (const path of ['nodes', 'decisions', 'forecast', 'queue', 'tenants', 'trunks']) {
      expect((await ask('GET', path)).statusCode, path).toBe(200);
      for (const stranger of strangers) {
        const answer = await ask('GET', path, undefined, stranger);
        expect([answer.statusCode, answer.headers['www-authenticate']], path).toEqual([
          401,
          'Bearer realm="hookswitch"',
        ]);
      }
    }
    for (const stranger of strangers) {
      expect((await ask('POST', `tenants/${sid}`, { status: 'suspended' }, stranger)).statusCode).toBe(401);
      expect((await ask('POST', 'nodes/n1/drain', {}, stranger)).statusCode).toBe(401);
    }
    expect(world.directory.accountBySid(sid)?.status).toBe('active');
    expect(world.cluster.drained).toEqual([]);
  });

  it('suspends an account and lets it go on, in force when it is answered; a closed one stays closed', async () => {
    const { sid } = await world.newAccount('Customer');
    const suspended = await ask('POST', `tenants/${sid}`, { status: 'suspended' });
    expect(suspended.json()).toEqual({ accountSid: sid, name: 'Customer', status: 'suspended' });
    expect(world.directory.accountBySid(sid)?.status).toBe('suspended');
    expect((await ask('POST', `tenants/${sid}`, { status: 'active' })).json()).toMatchObject({ status: 'active' });
    expect((await ask('POST', `tenants/${sid}`, { status: 'closed' })).statusCode).toBe(400);
    expect((await ask('POST', `tenants/AC${'0'.repeat(32)}`, { status: 'active' })).statusCode).toBe(404);
    await world.store.setAccountStatus(sid, 'closed');
    expect((await ask('POST', `tenants/${sid}`, { status: 'active' })).statusCode).toBe(409);
  });

  it('sees those that have something now first, then the newest; by status, sid or name when asked', async () => {
    const [one, two, three] = [
      await world.newAccount('One'),
      await world.newAccount('Two'),
      await world.newAccount('Three'),
    ];
    await ask('POST', `tenants/${two.sid}`, { status: 'suspended' });
    world.cluster.busy = [tenant(one.sid, { calls: 3 })];
    const names = async (query = ''): Promise<string[]> =>
      (await ask('GET', `tenants${query}`)).json<{ tenants: { name: string }[] }>().tenants.map(({ name }) => name);
    expect(await names()).toEqual(['One', 'Three', 'Two', 'Main']);
    expect(await names('?limit=2')).toEqual(['One', 'Three']);
    expect(await names('?status=suspended')).toEqual(['Two']);
    expect(await names(`?search=${three.sid}`)).toEqual(['Three']);
    expect(await names('?search=Two')).toEqual(['Two']);
    expect((await ask('GET', 'tenants?limit=5000')).statusCode).toBe(400);
  });

  it('drains a node, by default within an hour; one that is not there is 404, one that does not answer 503', async () => {
    const drained = await ask('POST', 'nodes/n1/drain', {});
    expect([drained.statusCode, drained.json()]).toEqual([
      202,
      { node: 'n1', state: 'draining', calls: 2, deadlineSeconds: 3600 },
    ]);
    expect((await ask('POST', 'nodes/n1/drain', { deadlineSeconds: -1 })).statusCode).toBe(400);
    const gone = await ask('POST', 'nodes/gone/drain', {});
    expect([gone.statusCode, gone.json<{ detail: string }>().detail]).toEqual([
      404,
      'no live call node is called gone',
    ]);
    expect((await ask('POST', 'nodes/stuck/drain', {})).statusCode).toBe(503);
    expect(world.cluster.drained).toEqual(['n1', 'gone', 'stuck']);
  });

  it('asks for what is there, with the method that it takes', async () => {
    expect((await ask('GET', 'nothing')).statusCode).toBe(404);
    const wrong = await world.request('POST', '/v1/cluster/nodes');
    expect([wrong.statusCode, wrong.headers['allow']]).toEqual([405, 'GET, HEAD']);
  });
});
