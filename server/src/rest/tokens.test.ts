import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TokenVerifier } from '../hub/index.ts';
import { MAX_REVOCATIONS, newRevocation } from '../hub/index.ts';
import { basic } from './testing/rest-world.ts';
import { RestWorld } from './testing/rest-world.ts';

let world: RestWorld;
beforeEach(async () => {
  world = await RestWorld.open();
});
afterEach(() => world.app.close());
const own = (part: string): string => `/v1/accounts/${world.account.sid}/${part}`;

describe('access tokens', () => {
  const verifier = (): TokenVerifier =>
    new TokenVerifier({ keys: world.directory, clock: world.clock, revocations: world.revocations });

  it('are made with the grants asked for, by the oldest key of the account or the one that asks', async () => {
    expect((await world.request('POST', own('tokens'), { json: {} })).statusCode).toBe(409);
    const { key: first } = await world.store.createKey(world.account.sid, 'first');
    world.tick();
    const { key: second, secret } = await world.store.createKey(world.account.sid, 'second');
    const grants = { hub: { subscribe: [{ topic: 'calls.>', filter: { number: '+15550100' } }] } };
    const made = await world.request('POST', own('tokens'), { json: { identity: 'alice', ttl: 60, grants } });
    expect(made.statusCode).toBe(201);
    const body = made.json<{ token: string; jti: string }>();
    expect(body).toMatchObject({ keySid: first.sid, identity: 'alice' });
    expect(await verifier().verify(body.token)).toMatchObject({
      accountSid: world.account.sid,
      identity: 'alice',
      tokenId: body.jti,
      expiresAt: Math.floor(world.clock.now() / 1000) * 1000 + 60_000,
      subscribe: [{ topic: 'calls.>', filter: { number: '+15550100' } }],
    });
    const asKey = { headers: { authorization: basic({ sid: second.sid, authToken: secret }) }, json: {} };
    expect((await world.request('POST', own('tokens'), asKey)).json()).toMatchObject({ keySid: second.sid });
  });

  it('EV-4 are not made with a key of another account or with grants that are none', async () => {
    await world.store.createKey(world.account.sid, 'mine');
    const other = await world.newAccount('Other');
    const { key } = await world.store.createKey(other.sid, 'theirs');
    const refused = [
      { keySid: key.sid },
      { ttl: 86_401 },
      { identity: 'a b' },
      { grants: { hub: { subscribe: ['a.>.b'] } } },
      { grants: { hub: { subscribe: [{ topic: 'a', filter: { colour: 'red' } }] } } },
      { grants: { admin: true } },
    ];
    for (const json of refused) {
      expect((await world.request('POST', own('tokens'), { json })).statusCode).toBe(400);
    }
    expect((await world.request('POST', `/v1/accounts/${other.sid}/tokens`, { json: {} })).statusCode).toBe(404);
  });
});

describe('revocations', () => {
  it('are made, listed page by page, fetched and deleted', async () => {
    const sids: string[] = [];
    for (const value of ['alice', 'bob', 'carol']) {
      world.tick();
      const json = { kind: 'identity', value, reason: 'left' };
      const made = await world.request('POST', own('revocations'), { json });
      expect(made.statusCode).toBe(201);
      expect(made.json()).toMatchObject({ kind: 'identity', value, reason: 'left' });
      sids.push(made.json<{ sid: string }>().sid);
    }
    const first = await world.request('GET', own('revocations?PageSize=2'));
    const { meta } = first.json<{ meta: { next_page_url: string } }>();
    expect(first.json()).toMatchObject({ revocations: [{ value: 'carol' }, { value: 'bob' }] });
    const next = await world.request('GET', meta.next_page_url.slice('http://localhost:80'.length));
    expect(next.json()).toMatchObject({ revocations: [{ value: 'alice' }], meta: { next_page_url: null } });
    expect((await world.request('GET', own(`revocations/${sids[0]}`))).json()).toMatchObject({ value: 'alice' });
    expect((await world.request('DELETE', own(`revocations/${sids[0]}`))).statusCode).toBe(204);
    expect((await world.request('GET', own(`revocations/${sids[0]}`))).statusCode).toBe(404);
    expect((await world.request('DELETE', own(`revocations/${sids[0]}`))).statusCode).toBe(404);
    const account = await world.request('POST', own('revocations'), { json: { kind: 'account' } });
    expect(account.json()).toMatchObject({ kind: 'account', value: world.account.sid });
    // What is over is not listed any more.
    world.clock.advance(25 * 3600_000);
    expect((await world.request('GET', own('revocations'))).json()).toMatchObject({ revocations: [] });
  });

  it.each([
    {},
    { kind: 'identity' },
    { kind: 'account', value: 'x' },
    { kind: 'colour', value: 'red' },
    { kind: 'token', value: '' },
    { kind: 'token', value: 'x', before: 'yesterday' },
  ])('%j is refused', async (json) => {
    expect((await world.request('POST', own('revocations'), { json })).statusCode).toBe(400);
  });

  it('are bounded, and those of another account are not there', async () => {
    const { account, clock, revocations } = world;
    for (let n = 0; n < MAX_REVOCATIONS; n++) {
      await revocations.add(newRevocation({ accountSid: account.sid, kind: 'token', value: `t${n}` }, clock));
    }
    const one = { json: { kind: 'token', value: 'one more' } };
    expect((await world.request('POST', own('revocations'), one)).statusCode).toBe(409);
    expect((await world.request('POST', own('revocations'), { json: { kind: 'token', value: 't1' } })).statusCode).toBe(
      201,
    );
    const other = await world.newAccount('Other');
    const theirs = newRevocation({ accountSid: other.sid, kind: 'account' }, clock);
    await revocations.add(theirs);
    expect((await world.request('GET', own(`revocations/${theirs.sid}`))).statusCode).toBe(404);
    expect((await world.request('DELETE', own(`revocations/${theirs.sid}`))).statusCode).toBe(404);
  });
});
