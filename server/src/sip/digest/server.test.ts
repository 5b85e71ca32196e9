import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import { createRequest, createResponse } from '../message/index.ts';
import { DigestClient } from './client.ts';
import type { DigestCredentials } from './client.ts';
import { digestResponse, secretHash } from './hash.ts';
import { NonceUses } from './nonce.ts';
import { DigestServer } from './server.ts';
import type { DigestCheck, DigestSecret, DigestVerdict } from './server.ts';

const REALM = 'phones.example.com';
const URI = `sip:${REALM}`;

function fixture(options: Partial<ConstructorParameters<typeof DigestServer>[0]> = {}) {
  const server = new DigestServer({ random: seededRandom(3), ...options });
  let now = 1_000_000;
  const users = new Map<string, DigestSecret>([['alice', { password: 'wonder land' }]]);
  const check = (authorization: readonly string[], change: Partial<DigestCheck> & { uri?: string } = {}) =>
    server.check(
      {
        method: 'REGISTER',
        requestUri: { uri: change.uri ?? URI },
        headers: () => authorization.map((value) => ({ name: 'Authorization', value })),
      },
      { realm: REALM, now, secretOf: (user) => users.get(user), ...change },
    );
  /** The client's answer to a challenge. */
  const answer = (verdict: DigestVerdict, client: DigestClient): string => {
    if (verdict.kind !== 'challenge') throw new Error('no challenge');
    const response = createResponse(
      { status: verdict.status },
      verdict.headers.map(({ name, value }) => [name, value] as const),
    );
    return client.answer(createRequest({ method: 'REGISTER', uri: URI }, []), response)?.at(-1)?.[1] ?? '';
  };
  const client = (change: Partial<DigestCredentials> = {}) =>
    new DigestClient({ username: 'alice', password: 'wonder land', ...change }, seededRandom(9));
  return { server, check, answer, client, users, pass: (ms: number) => (now += ms) };
}

const headersOf = (verdict: DigestVerdict): string[] =>
  verdict.kind === 'challenge' ? verdict.headers.map(({ name, value }) => `${name}: ${value}`) : [];

describe('digest vectors', () => {
  it('RFC 2617 section 3.5', () => {
    expect(
      digestResponse({
        hash: 'md5',
        session: false,
        username: 'Mufasa',
        password: 'Circle Of Life',
        realm: 'testrealm@host.com',
        nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
        cnonce: '0a4f113b',
        nc: '00000001',
        qop: 'auth',
        method: 'GET',
        uri: '/dir/index.html',
      }),
    ).toBe('6629fae49393a05397450978507c4ef1');
  });

  it('RFC 7616 section 3.9.2 as corrected by erratum 4897: SHA-512-256', () => {
    expect(
      digestResponse({
        hash: 'sha512-256',
        session: false,
        username: 'Jäsøn Doe',
        password: 'Secret, or not?',
        realm: 'api@example.org',
        nonce: '5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK',
        cnonce: 'NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v',
        nc: '00000001',
        qop: 'auth',
        method: 'GET',
        uri: '/doe.json',
      }),
    ).toBe('3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5');
  });
});

describe('DigestServer', () => {
  it('RFC 8760 section 2.3: one challenge per algorithm, the strongest first', () => {
    const headers = headersOf(fixture().check([]));
    expect(headers).toHaveLength(3);
    expect(headers[0]).toMatch(
      /^WWW-Authenticate: Digest realm="phones\.example\.com", nonce="[\w-]{40}", opaque="[0-9a-f]{16}", algorithm=SHA-512-256, qop="auth"$/,
    );
    expect(headers.map((value) => /algorithm=([\w-]+)/.exec(value)?.[1])).toEqual(['SHA-512-256', 'SHA-256', 'MD5']);
    expect(headersOf(fixture().check([], { status: 407 }))[0]).toMatch(/^Proxy-Authenticate: /);
    expect(headersOf(fixture({ algorithms: ['MD5'] }).check([]))).toHaveLength(1);
  });

  it('a user agent that gives up at the first unknown algorithm is challenged by MD5 alone', () => {
    const { server } = fixture();
    const verdict = server.check(
      {
        method: 'REGISTER',
        requestUri: { uri: URI },
        headers: () => [{ name: 'User-Agent', value: 'baresip v1.0.0 (x86_64/linux)' }],
      },
      { realm: REALM, now: 0, secretOf: () => undefined },
    );
    expect(headersOf(verdict).map((value) => /algorithm=([\w-]+)/.exec(value)?.[1])).toEqual(['MD5']);
  });

  it.each(['SHA-512-256', 'SHA-256', 'MD5'] as const)('takes the right password by %s, and its HA1', (algorithm) => {
    const test = fixture({ algorithms: [algorithm] });
    expect(test.check([test.answer(test.check([]), test.client())])).toEqual({ kind: 'ok', username: 'alice' });
    const hash = { 'SHA-512-256': 'sha512-256', 'SHA-256': 'sha256', MD5: 'md5' }[algorithm];
    const ha1 = secretHash(hash, { username: 'alice', realm: REALM, password: 'wonder land' });
    test.users.set('alice', { ha1: { [algorithm]: ha1 } });
    expect(test.check([test.answer(test.check([]), test.client())]).kind).toBe('ok');
    test.users.set('alice', { ha1: {} });
    expect(test.check([test.answer(test.check([]), test.client())])).toMatchObject({ refused: true });
  });

  it.each([
    ['a wrong password', { password: 'x' }],
    ['an unknown user', { username: 'bob' }],
  ])('challenges %s again without stale, and the reason holds no secret', (reason, change) => {
    const test = fixture();
    const verdict = test.check([test.answer(test.check([]), test.client(change))]);
    expect(verdict).toMatchObject({ kind: 'challenge', status: 401, reason, refused: true });
    expect(headersOf(verdict).join()).not.toContain('stale');
    expect(test.server.size).toBe(0);
  });

  it('RFC 7616 section 3.3: a nonce past its life is stale, whoever knows the password is not asked for it', () => {
    const test = fixture({ nonceLifeMs: 1000 });
    const client = test.client();
    const first = test.check([]);
    test.pass(1001);
    const verdict = test.check([test.answer(first, client)]);
    expect(verdict).toMatchObject({ kind: 'challenge', refused: false });
    for (const header of headersOf(verdict)) expect(header).toContain('stale=true');
    expect(test.check([test.answer(verdict, client)]).kind).toBe('ok');
  });

  it('a nonce of another key or another realm is stale for who knows the password, else refused', () => {
    const test = fixture();
    const other = fixture({ random: seededRandom(4) });
    const foreign = test.check([other.answer(other.check([]), other.client())]);
    expect(headersOf(foreign)[0]).toContain('stale=true');
    const forged = /nonce="([^"]*)"/;
    const own = test.answer(test.check([]), test.client());
    expect(test.check([own.replace(forged, 'nonce="AAAA"')])).toMatchObject({ kind: 'challenge', refused: true });
  });

  it('RFC 7616 section 5.12: a count is taken once; late ones within the window', () => {
    const test = fixture();
    const client = test.client();
    const challenge = test.check([]);
    const answers = Array.from({ length: 4 }, () => {
      client.succeeded();
      return test.answer(challenge, client);
    });
    const kinds = [0, 2, 1, 1, 0, 3, 3].map((index) => test.check([answers[index] ?? '']).kind);
    expect(kinds).toEqual(['ok', 'ok', 'ok', 'challenge', 'challenge', 'ok', 'challenge']);
    expect(test.server.size).toBe(1);
  });

  it('RFC 2069: without qop a nonce is good once', () => {
    const test = fixture({ algorithms: ['MD5'] });
    const challenge = test.check([]);
    const value = headersOf(challenge)[0] ?? '';
    const nonce = /nonce="([^"]*)"/.exec(value)?.[1] ?? '';
    const parts = { hash: 'md5', session: false, username: 'alice', password: 'wonder land', realm: REALM } as const;
    const answer = { nonce, cnonce: '', nc: '', qop: undefined, method: 'REGISTER', uri: URI };
    const response = digestResponse({ ...parts, ...answer });
    const old = `Digest username="alice", realm="${REALM}", nonce="${nonce}", uri="${URI}", response="${response}"`;
    expect(test.check([old]).kind).toBe('ok');
    expect(test.check([old]).kind).toBe('challenge');
  });

  it.each([
    ['garbage', 'Digest ,,,==', 400],
    ['no response', `Digest username="a", realm="${REALM}", nonce="n", uri="${URI}"`, 400],
    ['a qop never offered', `Digest username="a", realm="${REALM}", nonce="n", uri="${URI}", response="0", qop=x`, 400],
    ['another scheme', 'Basic YWxpY2U6eA==', 401],
    ['another realm', 'Digest username="a", realm="other", nonce="n", uri="u", response="0"', 401],
  ])('RFC 3261 section 22: %s', (_what, value, status) => {
    expect(fixture().check([value])).toMatchObject({ status });
  });

  it('RFC 7616 section 3.4.6: credentials for another resource are 400, another spelling of it is not', () => {
    const test = fixture();
    const answer = test.answer(test.check([]), test.client());
    expect(test.check([answer], { uri: 'sip:elsewhere.example.com' })).toMatchObject({ status: 400 });
    expect(test.check([answer], { uri: `sip:${REALM.toUpperCase()};transport=tcp` }).kind).toBe('ok');
  });

  it('finds the credentials for our realm among several', () => {
    const test = fixture();
    const other = 'Digest username="a", realm="other", nonce="n", uri="u", response="0"';
    expect(test.check([other, test.answer(test.check([]), test.client())]).kind).toBe('ok');
  });

  it('keeps nonces for their life only', () => {
    const test = fixture({ nonceLifeMs: 1000 });
    for (let n = 0; n < 5; n++) test.check([test.answer(test.check([]), test.client())]);
    expect(test.server.size).toBe(5);
    test.pass(2001);
    test.check([]);
    expect(test.server.size).toBe(0);
  });
});

describe('NonceUses', () => {
  it('is bounded: what fell out cannot be replayed, newer nonces are taken', () => {
    const uses = new NonceUses(10);
    for (let n = 0; n < 11; n++) expect(uses.take(`n${String(n)}`, n, 1)).toBe(true);
    expect(uses.size).toBe(10);
    expect(uses.take('n0', 0, 1)).toBe(false);
    expect(uses.take('n0', 0, 2)).toBe(false);
    expect(uses.take('n5', 5, 2)).toBe(true);
    expect(uses.take('new', 12, 1)).toBe(true);
  });

  it('a count far ahead moves the window, one far behind is refused', () => {
    const uses = new NonceUses(10);
    expect([1, 100, 69, 69, 68, 40].map((count) => uses.take('n', 0, count))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
