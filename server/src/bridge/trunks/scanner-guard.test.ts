import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { ScannerGuard, networkOf } from './scanner-guard.ts';

const guardOf = (options: Partial<ConstructorParameters<typeof ScannerGuard>[0]> = {}) => {
  const clock = new FakeClock();
  return { clock, guard: new ScannerGuard({ clock, burst: 3, perSecond: 1, blockMs: 60_000, ...options }) };
};

describe('strangers', () => {
  it('get an answer as long as they are moderate, then nothing for the time of the block', () => {
    const { clock, guard } = guardOf();
    for (let i = 0; i < 3; i++) expect(guard.check('192.0.2.1', 'x')).toEqual({ kind: 'refuse' });
    expect(guard.check('192.0.2.1', 'x')).toEqual({ kind: 'silent', first: true, why: 'too-many' });
    expect(guard.check('192.0.2.1', 'x')).toEqual({ kind: 'silent', first: false, why: 'blocked' });
    expect(guard.isBlocked('192.0.2.1')).toBe(true);
    expect(guard.check('192.0.2.2', 'x')).toEqual({ kind: 'refuse' });
    clock.advance(60_001);
    expect(guard.isBlocked('192.0.2.1')).toBe(false);
    expect(guard.check('192.0.2.1', 'x')).toEqual({ kind: 'refuse' });
  });
  it('get tokens back with time', () => {
    const { clock, guard } = guardOf();
    for (let i = 0; i < 20; i++) {
      expect(guard.check('192.0.2.1', 'x').kind).toBe('refuse');
      clock.advance(1000);
    }
  });
  it('without a block the bucket alone decides', () => {
    const { clock, guard } = guardOf({ blockMs: 0 });
    for (let i = 0; i < 4; i++) guard.check('192.0.2.1', 'x');
    expect(guard.check('192.0.2.1', 'x')).toMatchObject({ kind: 'silent', why: 'too-many' });
    clock.advance(1000);
    expect(guard.check('192.0.2.1', 'x')).toEqual({ kind: 'refuse' });
  });
  it.each(['friendly-scanner', 'sipvicious', 'sipcli/v1.8', 'VaxSIPUserAgent/3.1', 'sundayddr', 'Friendly-Request'])(
    '%s is blocked at once',
    (agent) => {
      const { guard } = guardOf();
      expect(guard.check('192.0.2.1', agent)).toEqual({ kind: 'silent', first: true, why: 'scanner' });
      expect(guard.check('192.0.2.1', 'Asterisk')).toMatchObject({ kind: 'silent', why: 'blocked' });
    },
  );
  it.each(['Asterisk PBX 20', 'Kamailio', 'FreeSWITCH', 'Hookswitch', undefined])('%s is none', (agent) => {
    expect(guardOf().guard.check('192.0.2.1', agent)).toEqual({ kind: 'refuse' });
  });
  it('are ignored where that is the policy, and noted once', () => {
    const { guard } = guardOf({ policy: 'ignore' });
    expect(guard.check('192.0.2.1', 'x')).toEqual({ kind: 'silent', first: true, why: 'policy' });
    expect(guard.check('192.0.2.1', 'x')).toEqual({ kind: 'silent', first: false, why: 'policy' });
  });
  it('who authenticates is forgiven', () => {
    const { guard } = guardOf();
    for (let i = 0; i < 3; i++) guard.check('192.0.2.1', 'x');
    guard.clear('192.0.2.1');
    expect(guard.size).toBe(0);
  });
  it('the table is bounded: the source not heard of for longest is forgotten', () => {
    const { guard } = guardOf({ capacity: 2 });
    for (let i = 0; i < 4; i++) guard.check('192.0.2.1', 'x');
    guard.check('192.0.2.2', 'x');
    guard.check('192.0.2.1', 'x');
    guard.check('192.0.2.3', 'x');
    expect(guard.size).toBe(2);
    expect(guard.isBlocked('192.0.2.1')).toBe(true);
    fc.assert(
      fc.property(fc.array(fc.ipV4(), { maxLength: 200 }), (addresses) => {
        const small = guardOf({ capacity: 5 }).guard;
        for (const address of addresses) small.check(address, undefined);
        expect(small.size).toBeLessThanOrEqual(5);
      }),
    );
  });
  it('one customer is one source: IPv6 by its /64, mapped IPv4 as IPv4', () => {
    expect(networkOf('2001:db8:0:1::5')).toBe(networkOf('2001:0db8::1:ffff:ffff:ffff:ffff'));
    expect(networkOf('2001:db8:0:2::5')).not.toBe(networkOf('2001:db8:0:1::5'));
    expect(networkOf('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(networkOf('fe80::1%eth0')).toBe('fe80:0:0:0');
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        expect(networkOf(address).length).toBeLessThanOrEqual(40);
      }),
    );
  });
});
