import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import type { RequestFacts } from '../../sip/index.ts';
import { PHONE_DOMAIN, phoneConfiguration } from '../testing/phone-world.ts';
import { ScannerGuard } from '../trunks/index.ts';
import { PhoneAdmission } from './phone-admission.ts';
import type { PhoneConfiguration } from './ports.ts';

const PBX = '203.0.113.5';
type Access = ReturnType<PhoneConfiguration['access']>;

describe('CR-4 calls through a SIP domain with lists', () => {
  const clock = new FakeClock();
  const party = (user: string, host: string) => ({ uri: `sip:${user}@${host}`, displayName: '', user, host });
  const invite = (change: Partial<RequestFacts> = {}): RequestFacts => ({
    method: 'INVITE',
    callId: 'c',
    from: party('+15550177', 'pbx.example.com'),
    to: party('+15550100', PHONE_DOMAIN),
    requestUri: party('+15550100', PHONE_DOMAIN),
    source: { protocol: 'udp', address: PBX, port: 5060 },
    header: () => undefined,
    headers: () => [{ name: 'Via', value: 'SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1' }],
    ...change,
  });
  /** `presents`: the user whose right password the caller has; undefined: it presents nothing. */
  const admission = (access: Partial<Access>, presents?: string) => {
    const base = phoneConfiguration();
    const exchange = { username: 'exchange', password: 'secret of the list', callerNumber: undefined, listed: true };
    return new PhoneAdmission({
      configuration: {
        ...base,
        access: () => ({ address: undefined, credentials: undefined, ...access }),
        caller: (sid, username) => (username === 'exchange' ? exchange : base.caller(sid, username)),
      },
      digest: {
        check: () =>
          presents === undefined
            ? { kind: 'challenge', status: 401, headers: [], reason: 'nothing', refused: false }
            : { kind: 'ok', username: presents },
      },
      clock,
      guard: new ScannerGuard({ clock, burst: 2 }),
    });
  };
  const stranger = { ofTrunk: false };

  it('an address that the list names calls as whom it says; nobody is asked for a password', () => {
    const decision = admission({ address: 'allowed' }).decide(invite(), stranger);
    expect(decision).toMatchObject({ kind: 'admit', admission: { from: '+15550177', to: '+15550100' } });
    const named = invite({ from: party('desk', 'PBX.example.com') });
    expect(admission({ address: 'allowed' }).decide(named, stranger)).toMatchObject({
      admission: { from: 'sip:desk@pbx.example.com' },
    });
  });

  it('any other address is refused, with what to do about it', () => {
    const decision = admission({ address: 'refused' }, 'exchange').decide(invite(), stranger);
    expect(decision).toMatchObject({ kind: 'refuse', refusal: { status: 403 } });
    expect(JSON.stringify(decision)).toContain('IP access control list');
    const user = invite({ from: party('alice', PHONE_DOMAIN) });
    expect(admission({ address: 'refused' }, 'alice').decide(user, stranger)?.kind).toBe('refuse');
  });

  it('credentials of a list are asked for, and both where there are both', () => {
    for (const access of [{ credentials: 'needed' }, { credentials: 'needed', address: 'allowed' }] as const) {
      expect(admission(access).decide(invite(), stranger)?.kind).toBe('challenge');
      expect(admission(access, 'exchange').decide(invite(), stranger)).toMatchObject({
        kind: 'admit',
        admission: { from: '+15550177' },
      });
    }
  });

  it('a user of the domain still calls as itself alone, and with its password', () => {
    const phone = invite({ from: party('alice', PHONE_DOMAIN) });
    expect(admission({ address: 'allowed' }).decide(phone, stranger)?.kind).toBe('challenge');
    expect(admission({ credentials: 'needed' }, 'bob').decide(invite(), stranger)?.kind).toBe('refuse');
  });

  it('a domain without lists, and calls of a trunk, are none of theirs', () => {
    expect(admission({}).decide(invite(), stranger)).toBeUndefined();
    expect(admission({ address: 'allowed' }).decide(invite(), { ofTrunk: true })).toBeUndefined();
  });
});
