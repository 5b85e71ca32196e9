import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../kernel/index.ts';
import { createRequest, createResponse } from '../message/index.ts';
import { DigestClient } from './client.ts';
import { digestResponse } from './hash.ts';
import type { DigestParts } from './hash.ts';

/** RFC 7616 section 3.9.1. */
const EXAMPLE: DigestParts = {
  hash: 'md5',
  session: false,
  username: 'Mufasa',
  password: 'Circle of Life',
  realm: 'http-auth@example.org',
  nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
  nc: '00000001',
  qop: 'auth',
  method: 'GET',
  uri: '/dir/index.html',
};

describe('digestResponse', () => {
  it('RFC 7616 section 3.9.1: MD5 and SHA-256', () => {
    expect(digestResponse(EXAMPLE)).toBe('8ca523f5e9506fed4657c9700eebdbec');
    expect(digestResponse({ ...EXAMPLE, hash: 'sha256' })).toBe(
      '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
    );
  });

  it('RFC 2069: without qop', () => {
    const parts = {
      ...EXAMPLE,
      password: 'CircleOfLife',
      realm: 'testrealm@host.com',
      nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
    };
    expect(digestResponse({ ...parts, qop: undefined })).toBe('1949323746fe6a43ef61f9606e7febea');
  });
});

describe('DigestClient', () => {
  const request = (extra: readonly (readonly [string, string])[] = []) =>
    createRequest({ method: 'INVITE', uri: 'sip:a@b' }, extra);
  const challenge = (...values: string[]) =>
    createResponse(
      { status: 401 },
      values.map((value) => ['WWW-Authenticate', value] as const),
    );
  const client = (realm?: string) =>
    new DigestClient({ username: 'al"ice', password: 'x', ...(realm === undefined ? {} : { realm }) }, seededRandom(1));

  it('RFC 8760 section 2.4: takes the topmost challenge it can answer', () => {
    const answer = client().answer(
      request(),
      challenge(
        'Basic realm="r"',
        'Digest realm="r", nonce="1", algorithm=SHA3-999, qop="auth"',
        'Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth-int"',
        'Digest realm="r", nonce="3", algorithm=SHA-256, qop="auth-int,auth", opaque="o"',
        'Digest realm="r", nonce="4"',
      ),
    );
    expect(answer).toEqual([
      [
        'Authorization',
        expect.stringMatching(
          /^Digest username="al\\"ice", realm="r", nonce="3", uri="sip:a@b", response="[0-9a-f]{64}", algorithm=SHA-256, qop=auth, nc=00000001, cnonce="[0-9a-f]{16}", opaque="o"$/,
        ),
      ],
    ]);
  });

  it('counts the uses of a nonce', () => {
    const digest = client();
    const twice = [1, 2].map(
      () => digest.answer(request(), challenge('Digest realm="r", nonce="n", qop="auth"'))?.[0]?.[1],
    );
    expect(twice[0]).toContain('nc=00000001');
    expect(twice[1]).toContain('nc=00000002');
  });

  it('does not repeat a refused password, but follows stale a few times', () => {
    const digest = client();
    const tried = request([['Authorization', 'Digest x=1']]);
    expect(digest.answer(tried, challenge('Digest realm="r", nonce="n"'))).toBeUndefined();
    const answers = Array.from({ length: 6 }, () =>
      digest.answer(tried, challenge('Digest realm="r", nonce="n", stale=true')),
    );
    expect(answers.filter((answer) => answer !== undefined)).toHaveLength(4);
  });

  it('answers only the realm it was given for', () => {
    expect(client('mine').answer(request(), challenge('Digest realm="other", nonce="n"'))).toBeUndefined();
    expect(client('mine').answer(request(), challenge('Digest realm="mine", nonce="n"'))).toBeDefined();
  });
});
