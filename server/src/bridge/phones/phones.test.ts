import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { seededRandom } from '../../kernel/index.ts';
import type { CallFailure, RequestFacts } from '../../sip/index.ts';
import { DigestServer } from '../../sip/index.ts';
import { PASSWORD, PHONE_DOMAIN, phoneConfiguration } from '../testing/phone-world.ts';
import { FakeUserAgent } from '../testing/sip.fake.ts';
import { ACCOUNT, APPLICATION } from '../testing/world.fake.ts';
import { ScannerGuard } from '../trunks/index.ts';
import { ForkedCall, bestFailure } from './forked-call.ts';
import { PhoneAdmission } from './phone-admission.ts';
import type { PhoneDomainFacts } from './ports.ts';
import { phoneRoutes } from './routes.ts';

describe('ForkedCall', () => {
  let agent: FakeUserAgent;
  let said: string[];
  let call: ForkedCall;
  beforeEach(() => {
    agent = new FakeUserAgent();
    said = [];
    const options = ['a', 'b', 'c'].map((name) => ({ target: `sip:${name}@h`, from: { uri: 'sip:x@y' }, sdp: 'o' }));
    call = new ForkedCall(agent, options, {
      listener: {
        onProvisional: ({ status, sdp }) => said.push(`${String(status)} ${String(sdp)}`),
        onAnswered: ({ sdp }) => said.push(`answered ${String(sdp)}`),
        onFailed: ({ status }) => said.push(`failed ${String(status)}`),
        onEnded: () => said.push('ended'),
      },
      onWinner: (index) => said.push(`winner ${String(index)}`),
    });
  });
  const branch = (index: number) => {
    const found = agent.calls[index];
    if (found === undefined) throw new Error('no such branch');
    return found;
  };

  it('BR-5 the first phone that answers wins, the others are cancelled', () => {
    branch(1).provisional(180);
    branch(1).answered('answer of b');
    expect(said).toEqual(['180 undefined', 'winner 1', 'answered answer of b']);
    expect([0, 1, 2].map((index) => branch(index).did)).toEqual([['CANCEL'], [], ['CANCEL']]);
    branch(0).failed(487);
    call.bye();
    expect(branch(1).did).toEqual(['BYE']);
    expect(said.at(-1)).toBe('ended');
  });

  it('RFC 3261 section 9.1: a second answer that crossed our CANCEL is ended', () => {
    branch(0).answered();
    branch(2).answered();
    expect(branch(2).did).toEqual(['CANCEL', 'BYE']);
    expect(said.filter((text) => text.startsWith('answered'))).toHaveLength(1);
  });

  it('early media of several phones is ringing; a 2xx without a description brings the one given before', () => {
    branch(0).provisional(183, 'early');
    branch(0).listener.onAnswered?.({ status: 200, sdp: undefined });
    expect(said).toEqual(['180 undefined', 'winner 0', 'answered early']);
  });

  it('RFC 3261 section 16.7: fails when all have, with the best answer; a 6xx ends it for all', () => {
    branch(0).failed(408, false);
    branch(1).failed(486);
    expect(said).toEqual([]);
    branch(2).failed(603);
    expect(said).toEqual(['failed 603']);
    expect(branch(0).did).toEqual(['CANCEL']);
  });

  it('the caller gives up: all are cancelled', () => {
    call.cancel();
    for (const index of [0, 1, 2]) branch(index).failed(487);
    expect(said).toEqual(['failed 487']);
  });

  it.each<[number[], number]>([
    [[503, 486, 404], 486],
    [[486, 484], 484],
    [[500, 404], 404],
    [[487, 480], 480],
    [[302, 486], 302],
  ])('the best of %j is %i', (statuses, best) => {
    const failures = statuses.map((status): CallFailure => ({ status, reason: '', received: true, contacts: [] }));
    const silent: CallFailure = { status: 408, reason: '', received: false, contacts: [] };
    expect(bestFailure([silent, ...failures]).status).toBe(best);
  });
});

describe('PhoneAdmission', () => {
  const clock = new FakeClock();
  const facts = (change: Partial<RequestFacts> & { authorization?: string } = {}): RequestFacts => {
    const party = (user: string, host = PHONE_DOMAIN) => ({ uri: `sip:${user}@${host}`, displayName: '', user, host });
    const lines = [
      { name: 'Via', value: 'SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1' },
      ...(change.authorization === undefined ? [] : [{ name: 'Authorization', value: change.authorization }]),
    ];
    return {
      method: 'INVITE',
      callId: 'c',
      from: party('alice'),
      to: party('+15550100'),
      requestUri: party('+15550100'),
      source: { protocol: 'udp', address: '203.0.113.5', port: 5060 },
      header: () => undefined,
      headers: () => lines,
      ...change,
    };
  };
  const admission = (username: string, change: Partial<PhoneDomainFacts> = {}, kind: 'ok' | 'refused' = 'ok') =>
    new PhoneAdmission({
      configuration: phoneConfiguration(change),
      digest: {
        check: () =>
          kind === 'ok'
            ? { kind: 'ok', username }
            : { kind: 'challenge', status: 401, headers: [], reason: 'a wrong password', refused: true },
      },
      clock,
      guard: new ScannerGuard({ clock, burst: 2 }),
    });
  const host = (value: string) => ({ uri: `sip:alice@${value}`, displayName: '', user: 'alice', host: value });

  it('challenges a phone by its domain, and takes nobody else for one', () => {
    const real = new PhoneAdmission({
      configuration: phoneConfiguration(),
      digest: new DigestServer({ random: seededRandom(1) }),
      clock,
      guard: new ScannerGuard({ clock }),
    });
    const challenge = real.decide(facts(), { ofTrunk: false });
    expect(challenge).toMatchObject({ kind: 'challenge', refusal: { status: 401 } });
    expect(JSON.stringify(challenge)).toContain(`realm=\\"${PHONE_DOMAIN}`);
    expect(JSON.stringify(challenge)).not.toContain(PASSWORD);
    expect(real.decide(facts({ from: host('elsewhere.example.com') }), { ofTrunk: false })).toBeUndefined();
    expect(real.decide(facts({ from: host('127.0.0.1') }), { ofTrunk: false })?.kind).toBe('challenge');
  });

  it('a trunk is believed unless the caller is a user of a named domain', () => {
    const phones = admission('alice');
    expect(phones.decide(facts(), { ofTrunk: true })?.kind).toBe('admit');
    expect(phones.decide(facts({ from: host('127.0.0.1') }), { ofTrunk: true })).toBeUndefined();
    const stranger = { ...host(PHONE_DOMAIN), user: '+4930123' };
    expect(phones.decide(facts({ from: stranger }), { ofTrunk: true })).toBeUndefined();
  });

  it('admits with the application of the domain, as the SIP URI or the number of the user', () => {
    expect(admission('alice').decide(facts(), { ofTrunk: false })).toEqual({
      kind: 'admit',
      keepFlow: true,
      admission: {
        admitted: true,
        accountSid: ACCOUNT,
        applicationSid: APPLICATION,
        domain: { sid: expect.any(String) as unknown, name: PHONE_DOMAIN, username: 'alice' },
        from: `sip:alice@${PHONE_DOMAIN}`,
        to: '+15550100',
      },
    });
    const bob = { ...host(PHONE_DOMAIN), user: 'bob' };
    expect(
      admission('bob').decide(facts({ from: bob, requestUri: host(PHONE_DOMAIN) }), { ofTrunk: false }),
    ).toMatchObject({
      admission: { from: '+15550177', to: `sip:alice@${PHONE_DOMAIN}` },
    });
  });

  it('refuses who calls as somebody else, a domain without application, and wrong passwords', () => {
    expect(admission('bob').decide(facts(), { ofTrunk: false })).toMatchObject({
      refusal: { kind: 'credentials-wrong' },
    });
    expect(admission('alice', { applicationSid: undefined }).decide(facts(), { ofTrunk: false })).toMatchObject({
      refusal: { kind: 'number-without-application', hint: expect.stringContaining('SIP domain') as unknown },
    });
    const wrong = admission('', {}, 'refused');
    const kinds = [1, 2, 3, 4].map(() => wrong.decide(facts(), { ofTrunk: false })?.kind);
    expect(kinds).toEqual(['refuse', 'refuse', 'refuse', 'silent']);
  });
});

describe('phoneRoutes', () => {
  const domain = phoneConfiguration().domain(PHONE_DOMAIN);
  if (domain === undefined) throw new Error('no domain');
  const received = { protocol: 'tcp', address: '203.0.113.5', port: 40_000, flow: 'f1' } as const;
  const binding = { contact: 'sip:a@10.0.0.1', q: 1, callId: 'c', cseq: 1, expiresAt: 1, since: 0 };
  const routes = (change: object, known = true, accountSid = ACCOUNT) =>
    phoneRoutes({
      accountSid,
      domain,
      username: 'alice',
      known,
      bindings: [{ ...binding, path: [], received, overFlow: true, node: 'n1', ...change }],
      node: 'n1',
    });

  it('goes over the flow of this node, the address alone on another, along the Path, or to the contact', () => {
    expect(routes({})).toMatchObject({ routes: [{ target: 'sip:a@10.0.0.1', destination: received }] });
    expect(routes({ node: 'n2' })).toMatchObject({
      routes: [{ destination: { address: '203.0.113.5', port: 40_000 } }],
    });
    expect(JSON.stringify(routes({ node: 'n2' }))).not.toContain('f1');
    expect(routes({ overFlow: false, path: ['<sip:edge;lr>'] })).toMatchObject({
      routes: [{ path: ['<sip:edge;lr>'] }],
    });
  });

  it('says who is not there, and keeps accounts apart', () => {
    expect(routes({}, false)).toMatchObject({ cause: 'unreachable', sipStatus: 404 });
    expect(routes({}, true, 'AC2')).toMatchObject({ cause: 'unreachable', sipStatus: 403 });
  });
});
