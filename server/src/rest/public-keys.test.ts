import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TokenVerifier } from '../hub/index.ts';
import { keySource } from '../app/open-tokens.ts';
import { RestWorld, basic } from './testing/rest-world.ts';

let world: RestWorld;
beforeEach(async () => {
  world = await RestWorld.open();
});
afterEach(() => world.app.close());

const own = (part: string): string => `/v1/accounts/${world.account.sid}/${part}`;
const pair = (kid?: string): { jwk: Record<string, unknown>; privateKey: KeyObject } => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { jwk: { ...publicKey.export({ format: 'jwk' }), ...(kid === undefined ? {} : { kid }) }, privateKey };
};
const token = (key: KeyObject, kid: string): string =>
  jwt.sign({ sub: world.account.sid, exp: world.clock.now() / 1000 + 600, grants: { identity: 'a' } }, key, {
    algorithm: 'ES256',
    keyid: kid,
    noTimestamp: true,
  });
const accepted = async (text: string): Promise<boolean> => {
  const verifier = new TokenVerifier({ keys: keySource(world.directory), clock: world.clock });
  return verifier.verify(text).then(
    () => true,
    () => false,
  );
};

describe('EV-4 public keys', () => {
  it('are registered, listed, fetched and deleted; tokens follow at once', async () => {
    const { jwk, privateKey } = pair();
    const made = await world.request('POST', own('public-keys'), { json: { jwk, name: 'backend' } });
    expect(made.statusCode).toBe(201);
    const body = made.json<{ sid: string; kid: string }>();
    expect(body).toMatchObject({ name: 'backend', jwk: { kty: 'EC', crv: 'P-256', alg: 'ES256', kid: body.kid } });
    expect(body.sid).toMatch(/^PK[0-9a-f]{32}$/);
    // RFC 7638: the thumbprint is the kid that was left out.
    expect(body.kid).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(await accepted(token(privateKey, body.kid))).toBe(true);
    expect((await world.request('GET', own('public-keys'))).json()).toMatchObject({ public_keys: [{ sid: body.sid }] });
    expect((await world.request('GET', own(`public-keys/${body.sid}`))).json()).toMatchObject({ kid: body.kid });
    expect((await world.request('DELETE', own(`public-keys/${body.sid}`))).statusCode).toBe(204);
    expect(await accepted(token(privateKey, body.kid))).toBe(false);
    expect((await world.request('GET', own(`public-keys/${body.sid}`))).statusCode).toBe(404);
  });

  it('are replaced as a set: what stays keeps its record, what is gone ends, another key under a kid is another record', async () => {
    const [a, b, c] = [pair('a'), pair('b'), pair('c')];
    const put = (...keys: object[]) => world.request('PUT', own('jwks'), { json: { keys } });
    const sids = async (): Promise<Record<string, string>> =>
      Object.fromEntries((await world.store.publicKeys.list(world.account.sid)).map(({ kid, sid }) => [kid, sid]));
    expect((await put(a.jwk, b.jwk)).json()).toMatchObject({ keys: [{ kid: 'a' }, { kid: 'b' }] });
    const before = await sids();
    const exchanged = pair('b');
    const answer = await put(a.jwk, exchanged.jwk, { ...c.jwk, alg: 'ES256', use: 'sig', x5t: 'ignored' });
    expect(answer.statusCode).toBe(200);
    const after = await sids();
    expect(after['a']).toBe(before['a']);
    expect(after['b']).not.toBe(before['b']);
    expect(await accepted(token(a.privateKey, 'a'))).toBe(true);
    expect(await accepted(token(b.privateKey, 'b'))).toBe(false);
    expect(await accepted(token(exchanged.privateKey, 'b'))).toBe(true);
    expect((await put()).json()).toEqual({ keys: [] });
    expect((await world.request('GET', own('jwks'))).json()).toEqual({ keys: [] });
    expect(await accepted(token(a.privateKey, 'a'))).toBe(false);
  });

  it('a private key is refused and said to be one; so is what is no key of P-256', async () => {
    const { privateKey, jwk } = pair();
    const secret = privateKey.export({ format: 'jwk' });
    const refused: [unknown, RegExp][] = [
      [secret, /private key/],
      [{ ...jwk, crv: 'P-384' }, /crv/],
      [{ ...jwk, alg: 'HS256' }, /alg/],
      [{ ...jwk, use: 'enc' }, /use/],
      [{ kty: 'oct', k: 'c2VjcmV0' }, /kty/],
      [{ ...jwk, x: jwk['y'] }, /no point of the curve/],
      [{ ...jwk, x: 'short' }, /x/],
      [{}, /kty/],
    ];
    for (const [key, message] of refused) {
      const answer = await world.request('POST', own('public-keys'), { json: { jwk: key } });
      expect([answer.statusCode, answer.body]).toEqual([400, expect.stringMatching(message)]);
      const put = await world.request('PUT', own('jwks'), { json: { keys: [key] } });
      expect(put.statusCode).toBe(400);
    }
    expect(await world.store.publicKeys.list()).toEqual([]);
    const twice = await world.request('PUT', own('jwks'), { json: { keys: [pair('a').jwk, pair('a').jwk] } });
    expect(twice.body).toMatch(/there twice/);
  });

  it('belong to their account: a kid may be there in each, others do not see it, an API key may not change them', async () => {
    const other = await world.newAccount('Other');
    const { jwk } = pair('same');
    expect((await world.request('POST', own('public-keys'), { json: { jwk } })).statusCode).toBe(201);
    expect((await world.request('POST', own('public-keys'), { json: { jwk } })).statusCode).toBe(409);
    const theirs = await world.store.publicKeys.add(other.sid, jwk);
    expect((await world.request('GET', own(`public-keys/${theirs.sid}`))).statusCode).toBe(404);
    expect((await world.request('DELETE', own(`public-keys/${theirs.sid}`))).statusCode).toBe(404);
    const { key, secret } = await world.store.createKey(world.account.sid, 'k');
    const headers = { authorization: basic({ sid: key.sid, authToken: secret }) };
    expect((await world.request('PUT', own('jwks'), { headers, json: { keys: [] } })).statusCode).toBe(403);
  });

  it('are 20 at most', async () => {
    for (let n = 0; n < 20; n++) await world.store.publicKeys.add(world.account.sid, pair().jwk);
    const answer = await world.request('POST', own('public-keys'), { json: { jwk: pair().jwk } });
    expect([answer.statusCode, answer.body]).toEqual([400, expect.stringMatching(/20 public keys at most/)]);
  });
});
