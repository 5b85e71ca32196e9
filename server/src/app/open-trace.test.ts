import { describe, expect, it } from 'vitest';
import { issueToken } from '../hub/index.ts';
import { FakeClock } from '../kernel/clock.fake.ts';
import { systemRandom } from '../kernel/index.ts';
import type { Directory } from '../tenants/index.ts';
import { traceAccess } from './open-trace.ts';

const ACCOUNT = 'AC00000000000000000000000000000001';
const SUSPENDED = 'AC00000000000000000000000000000002';
const KEY = 'SK00000000000000000000000000000001';
const OPERATOR = 'o'.repeat(48);

const directory = {
  accountBySid: (sid: string) =>
    [ACCOUNT, SUSPENDED].includes(sid)
      ? { sid, name: '', status: sid === ACCOUNT ? 'active' : 'suspended' }
      : undefined,
  authToken: (sid: string) => ([ACCOUNT, SUSPENDED].includes(sid) ? 'auth:token' : undefined),
  apiKey: (sid: string) =>
    sid === KEY
      ? { sid, accountSid: ACCOUNT, secret: 'key-secret-of-some-length-at-least', accountActive: true }
      : undefined,
} as unknown as Directory;

describe('who may read call traces', () => {
  const clock = new FakeClock();
  const access = traceAccess({ directory, operatorKey: OPERATOR, clock });
  const basic = (user: string, password: string): string =>
    `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const bearer = (trace?: boolean): string => {
    const request = {
      accountSid: ACCOUNT,
      keySid: KEY,
      secret: 'key-secret-of-some-length-at-least',
      identity: 'alice',
    };
    return `Bearer ${issueToken(trace === undefined ? request : { ...request, trace }, clock, systemRandom)}`;
  };

  it.each([
    ['account and auth token', basic(ACCOUNT, 'auth:token'), { accountSid: ACCOUNT }],
    ['API key and secret', basic(KEY, 'key-secret-of-some-length-at-least'), { accountSid: ACCOUNT }],
    ['a token with the grant', bearer(true), { accountSid: ACCOUNT }],
    ['the operator key', `Bearer ${OPERATOR}`, 'operator'],
    ['a token without the grant: the default', bearer(), 'forbidden'],
    ['a token that denies it', bearer(false), 'forbidden'],
    ['nothing', undefined, undefined],
    ['a wrong auth token', basic(ACCOUNT, 'auth:tokem'), undefined],
    ['an empty password', basic(ACCOUNT, ''), undefined],
    ['an unknown user', basic('AC9', 'auth:token'), undefined],
    ['a suspended account', basic(SUSPENDED, 'auth:token'), undefined],
    ['a forged token', `${bearer(true)}x`, undefined],
    ['a wrong operator key', `Bearer ${'p'.repeat(48)}`, undefined],
    ['the operator key as a password', basic('operator', OPERATOR), undefined],
    ['no colon', `Basic ${Buffer.from('x').toString('base64')}`, undefined],
    ['another scheme', `Digest ${OPERATOR}`, undefined],
  ])('%s', async (_what, header, scope) => {
    expect(await access.scopeOf(header)).toEqual(scope);
  });
});
