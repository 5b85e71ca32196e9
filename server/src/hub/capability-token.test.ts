import jwt from 'jsonwebtoken';
import twilio from 'twilio';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../kernel/index.ts';
import type { KeySource } from './index.ts';
import { TokenVerifier, allowSubscription } from './index.ts';
import { ACCOUNT, FakeKeys, KEY, SECRET } from './testing/fixtures.ts';

const AUTH_TOKEN = 'the-auth-token-of-the-account-00';
const APPLICATION = `AP${'1'.repeat(32)}`;
class AccountKeys extends FakeKeys implements KeySource {
  active = true;

  accountKey(accountSid: string): ReturnType<KeySource['apiKey']> {
    return accountSid === ACCOUNT ? { secret: AUTH_TOKEN, accountSid, accountActive: this.active } : undefined;
  }
}
const { ClientCapability, AccessToken } = twilio.jwt;
const { VoiceGrant } = AccessToken;
const { EventStreamScope, IncomingClientScope, OutgoingClientScope } = ClientCapability;
type Scope = Parameters<InstanceType<typeof ClientCapability>['addScope']>[0];
const capability = (...scopes: Scope[]): string => {
  const token = new ClientCapability({ accountSid: ACCOUNT, authToken: AUTH_TOKEN, ttl: 600 });
  for (const scope of scopes) token.addScope(scope);
  return token.toJwt();
};
const signed = (claims: object, secret = AUTH_TOKEN, algorithm: jwt.Algorithm = 'HS256'): string =>
  jwt.sign({ iss: ACCOUNT, exp: Math.floor(systemClock.now() / 1000) + 600, ...claims }, secret, { algorithm });

describe('EV-4 capability tokens, made by the twilio package', () => {
  const keys = new AccountKeys();
  const verifier = new TokenVerifier({ keys, clock: systemClock });

  it('an EventStreamScope reads the events of the account', async () => {
    const grants = await verifier.verify(capability(new EventStreamScope({})));
    expect(grants).toMatchObject({ accountSid: ACCOUNT, keySid: ACCOUNT, identity: undefined, publish: [] });
    expect(grants.subscribe).toEqual([{ topic: '>' }]);
    expect(grants.issuedAt).toBeDefined();
    expect(allowSubscription(grants, 'calls.>')).toMatchObject({ ok: true });
  });

  it('the filters of an EventStreamScope limit it, and asking for more is refused', async () => {
    const grants = await verifier.verify(capability(new EventStreamScope({ call: 'CA1', type: 'call.*' })));
    expect(grants.subscribe).toEqual([{ topic: '>', filter: { call: ['CA1'], type: ['call.*'] } }]);
    expect(allowSubscription(grants, 'calls.>', { call: 'CA2' })).toMatchObject({ ok: false });
    expect(allowSubscription(grants, 'calls.>', { call: 'CA1', type: 'call.ended' })).toMatchObject({ ok: true });
    const number = await verifier.verify(capability(new EventStreamScope({ number: '+15550100' })));
    expect(number.subscribe).toEqual([{ topic: '>', filter: { number: ['+15550100'] } }]);
  });

  it('incoming and outgoing scopes name the client and its application', async () => {
    const outgoing = { applicationSid: APPLICATION, clientName: 'alice', params: { a: 'b c', d: '1' } };
    const grants = await verifier.verify(
      capability(new IncomingClientScope('alice'), new OutgoingClientScope(outgoing)),
    );
    expect(grants).toMatchObject({
      identity: 'alice',
      voice: { incoming: true, outgoing: { applicationSid: APPLICATION, params: { a: 'b c', d: '1' } } },
      subscribe: [{ topic: 'clients.alice.>' }],
    });
  });

  it.each<[string, () => string]>([
    ['an EventStreamScope with a filter that is none', () => capability(new EventStreamScope({ colour: 'red' }))],
    ['two clients', () => capability(new IncomingClientScope('alice'), new IncomingClientScope('bob'))],
    ['another path', () => signed({ scope: 'scope:stream:subscribe?path=/2010-04-01/Calls' })],
    ['no path', () => signed({ scope: 'scope:stream:subscribe' })],
    ['no client name', () => signed({ scope: 'scope:client:incoming' })],
    ['a scope that is none', () => signed({ scope: 'everything' })],
    ['another secret', () => signed({ scope: 'scope:client:incoming?clientName=a' }, 'guess')],
    ['the secret of an API key', () => signed({ scope: 'scope:client:incoming?clientName=a' }, SECRET)],
    ['an API key as issuer', () => signed({ iss: KEY, scope: 'scope:client:incoming?clientName=a' }, SECRET)],
    ['no algorithm', () => signed({ scope: 'scope:client:incoming?clientName=a' }, '', 'none')],
    ['another algorithm', () => signed({ scope: 'scope:client:incoming?clientName=a' }, AUTH_TOKEN, 'HS512')],
    ['an unknown account', () => signed({ iss: `AC${'7'.repeat(32)}`, scope: 'scope:client:incoming?clientName=a' })],
    ['grants of an access token, signed by the account', () => signed({ sub: ACCOUNT, grants: {}, scope: '' })],
    ['a life of two days', () => signed({ exp: Math.floor(systemClock.now() / 1000) + 172_800, scope: '' })],
    ['a time of making in the future', () => signed({ iat: Math.floor(systemClock.now() / 1000) + 300, scope: '' })],
  ])('is refused with %s', async (_what, make) => {
    await expect(verifier.verify(make())).rejects.toMatchObject({ reason: 'tokenInvalid' });
  });

  it('is refused when the account is not active, and where accounts sign nothing', async () => {
    const token = capability(new EventStreamScope({}));
    keys.active = false;
    await expect(verifier.verify(token)).rejects.toMatchObject({ reason: 'accountInactive' });
    keys.active = true;
    const without = new TokenVerifier({ keys: new FakeKeys(), clock: systemClock });
    await expect(without.verify(token)).rejects.toMatchObject({ reason: 'tokenInvalid' });
  });
});

it('BR-1 an access token made by the twilio package is accepted', async () => {
  const token = new AccessToken(ACCOUNT, KEY, SECRET, { identity: 'alice', ttl: 600 });
  token.addGrant(new VoiceGrant({ incomingAllow: true, outgoingApplicationSid: APPLICATION }));
  const verifier = new TokenVerifier({ keys: new FakeKeys(), clock: systemClock });
  expect(await verifier.verify(token.toJwt())).toMatchObject({
    identity: 'alice',
    voice: { incoming: true, outgoing: { applicationSid: APPLICATION } },
    subscribe: [{ topic: 'clients.alice.>' }],
  });
});
