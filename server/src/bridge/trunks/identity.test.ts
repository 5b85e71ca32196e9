import { describe, expect, it } from 'vitest';
import { aTrunk } from '../testing/trunks.fake.ts';
import { callerOf, identityOut } from './identity.ts';
import type { Trunk } from './ports.ts';

type Identity = Trunk['identity'];
const trunk = (identity: Partial<Identity> = {}, numbers: Partial<Trunk['numbers']> = {}): Trunk => {
  const plain = aTrunk();
  return { ...plain, identity: { ...plain.identity, ...identity }, numbers: { ...plain.numbers, ...numbers } };
};
const request = (user: string, headers: Record<string, string> = {}, host = '192.0.2.1') => ({
  from: { uri: `sip:${user}@${host}`, displayName: '', user, host },
  header: (name: string) => headers[name],
});

describe('who calls (RFC 3325, RFC 3323)', () => {
  const PAI = { 'P-Asserted-Identity': '"Bob" <sip:+4930111@carrier.example>, <tel:+4930111>' };
  it.each<[string, Trunk, ReturnType<typeof request>, string, string]>([
    ['From alone', trunk(), request('+4930123'), '+4930123', 'from'],
    [
      'an asserted identity of an untrusted trunk is not believed',
      trunk(),
      request('+4930123', PAI),
      '+4930123',
      'from',
    ],
    ['of a trusted one it is', trunk({ trusted: true }), request('+4930123', PAI), '+4930111', 'p-asserted-identity'],
    [
      'as a tel URI',
      trunk({ trusted: true }),
      request('x', { 'P-Asserted-Identity': '<tel:+49-30-111>' }),
      '+4930111',
      'p-asserted-identity',
    ],
    [
      'Remote-Party-ID of a trusted one',
      trunk({ trusted: true }),
      request('+1', { 'Remote-Party-ID': '<sip:%2B4930222@x>;party=calling' }),
      '+4930222',
      'remote-party-id',
    ],
    [
      'Remote-Party-ID that hides',
      trunk({ trusted: true }),
      request('+4930123', { 'Remote-Party-ID': '<sip:+4930222@x>;privacy=full' }),
      'anonymous',
      'withheld',
    ],
    [
      'the asserted identity goes before Remote-Party-ID',
      trunk({ trusted: true }),
      request('+1', { ...PAI, 'Remote-Party-ID': '<sip:+4930222@x>' }),
      '+4930111',
      'p-asserted-identity',
    ],
    ['Privacy: id', trunk({ trusted: true }), request('+4930123', { ...PAI, Privacy: 'id' }), 'anonymous', 'withheld'],
    ['Privacy: user;critical', trunk(), request('+4930123', { Privacy: 'user;critical' }), 'anonymous', 'withheld'],
    ['Privacy: none', trunk(), request('+4930123', { Privacy: 'none' }), '+4930123', 'from'],
    ['Privacy: session hides media only', trunk(), request('+4930123', { Privacy: 'session' }), '+4930123', 'from'],
    ['anonymous.invalid', trunk(), request('anonymous', {}, 'anonymous.invalid'), 'anonymous', 'withheld'],
    ['an empty user', trunk(), request(''), 'anonymous', 'withheld'],
    [
      'by the number plan',
      trunk({}, { countryCode: '49', nationalPrefix: '0' }),
      request('030123456'),
      '+4930123456',
      'from',
    ],
    [
      'an asserted identity without a URI',
      trunk({ trusted: true }),
      request('+4930123', { 'P-Asserted-Identity': 'x' }),
      '+4930123',
      'from',
    ],
  ])('%s', (...[, by, invite, from, source]) => {
    expect(callerOf(invite, by)).toEqual({ from, source });
  });
});

describe('who we say that calls', () => {
  const ask = (by: Trunk, caller: string, divertedBy?: string) => {
    const { from, headers } = identityOut(by, {
      caller,
      host: '[2001:db8::1]',
      ...(divertedBy === undefined ? {} : { divertedBy }),
    });
    return [from.uri, from.displayName, ...headers.map(({ name, value }) => `${name}: ${value}`)];
  };
  it('in From, with the domain and user that the carrier wants', () => {
    expect(ask(trunk(), '+4930123')).toEqual(['sip:+4930123@[2001:db8::1]', undefined]);
    expect(ask(trunk({ fromDomain: 'us.example', fromUser: 'acct1' }), '+4930123')).toEqual([
      'sip:acct1@us.example',
      undefined,
    ]);
    expect(ask(trunk({}, { out: 'e164-without-plus' }), '+4930123')).toEqual(['sip:4930123@[2001:db8::1]', undefined]);
    expect(ask(trunk(), 'support/tier 1')[0]).toBe('sip:support/tier%201@[2001:db8::1]');
  });
  it('in P-Asserted-Identity, From being the account', () => {
    expect(
      ask(trunk({ caller: 'p-asserted-identity', fromUser: 'acct1', fromDomain: 'c.example' }), '+4930123'),
    ).toEqual(['sip:acct1@c.example', undefined, 'P-Asserted-Identity: <sip:+4930123@c.example>']);
  });
  it('in Remote-Party-ID', () => {
    expect(ask(trunk({ caller: 'remote-party-id' }), '+4930123')).toContain(
      'Remote-Party-ID: <sip:+4930123@[2001:db8::1]>;party=calling;screen=yes;privacy=off',
    );
  });
  it('not at all, when the caller is withheld: what the carrier needs stays inside its network', () => {
    expect(
      ask(trunk({ caller: 'p-asserted-identity', fromUser: '+49301', fromDomain: 'c.example' }), 'anonymous'),
    ).toEqual([
      'sip:anonymous@anonymous.invalid',
      'Anonymous',
      'P-Asserted-Identity: <sip:+49301@c.example>',
      'Privacy: id',
    ]);
    expect(ask(trunk(), 'anonymous')).toEqual(['sip:anonymous@anonymous.invalid', 'Anonymous', 'Privacy: id']);
  });
  it('with who forwarded the call, only where the carrier wants it', () => {
    const forwarded = 'Diversion: <sip:+15550100@[2001:db8::1]>;reason=unconditional;counter=1';
    expect(ask(trunk({ diversion: true }), '+4930123', '+15550100')).toContain(forwarded);
    expect(ask(trunk(), '+4930123', '+15550100')).toHaveLength(2);
  });
});
