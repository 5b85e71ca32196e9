import { describe, expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import { AllowedMethods } from './allowed-methods.ts';
import { iso8601, rfc2822, timeRange } from './dates.ts';
import { parseForm } from './form.ts';
import { LoginLimiter } from './login-limiter.ts';

describe('dates', () => {
  it('are RFC 2822 and ISO 8601', () => {
    expect(rfc2822('2010-08-31T20:36:28.999Z')).toBe('Tue, 31 Aug 2010 20:36:28 +0000');
    expect(iso8601('2010-08-31T20:36:28.999Z')).toBe('2010-08-31T20:36:28Z');
  });

  const day = Date.UTC(2024, 0, 2);
  const DAY = 86_400_000;
  it.each<[string, number | undefined, number | undefined]>([
    ['', undefined, undefined],
    ['StartTime=2024-01-02', day, day + DAY],
    ['StartTime>=2024-01-02', day, undefined],
    ['StartTime<=2024-01-02', undefined, day + DAY],
    ['StartTime>=2024-01-02&StartTime<=2024-01-03', day, day + 2 * DAY],
    ['StartTime%3E=2024-01-02T01:00:00Z', day + 3_600_000, undefined],
    ['StartTime>=2024-01-02T01:00:00+01:00', day, undefined],
    ['StartTime<=2024-01-02T00:00:00.5', undefined, day + 1000],
  ])('range of %s', (query, from, until) => {
    expect(timeRange(parseForm(query), 'StartTime')).toEqual({ from, until });
  });

  it.each(['2024-02-31', '2024-13-01', 'yesterday', '', '2024-01-02T25:00:00Z', "2024-01-02' --", '1'.repeat(1000)])(
    'no time: %s',
    (value) => {
      expect(() => timeRange({ 'StartTime>': value }, 'StartTime')).toThrow(/^StartTime>: expected/);
    },
  );
});

describe('forms', () => {
  it('repeated parameters are arrays, and no name is special', () => {
    expect({ ...parseForm('a=1&b=2&a=3&a=%20x+y&StatusCallbackEvent=initiated') }).toEqual({
      a: ['1', '3', ' x y'],
      b: '2',
      StatusCallbackEvent: 'initiated',
    });
    const form = parseForm('__proto__=x&constructor=y');
    expect(Object.keys(form)).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});

describe('failed logins', () => {
  it('are remembered of so many only, the newest', () => {
    const clock = new FakeClock();
    const limiter = new LoginLimiter({ clock, failures: 2, entries: 3 });
    for (let i = 0; i < 100; i += 1) for (let j = 0; j < 2; j += 1) limiter.failed(`source ${i}`);
    expect(limiter.size).toBe(3);
    expect(limiter.blockedForMs('source 99')).toBe(60_000);
    expect(limiter.blockedForMs('source 0')).toBe(0);
    clock.advance(59_999);
    expect(limiter.blockedForMs('source 99')).toBe(1);
    clock.advance(1);
    expect(limiter.blockedForMs('source 99')).toBe(0);
    expect(limiter.size).toBe(2);
    limiter.failed('source 99');
    expect(limiter.blockedForMs('source 99')).toBe(0);
    limiter.succeeded('source 99');
    limiter.failed('source 99');
    expect(limiter.blockedForMs('source 99')).toBe(0);
  });
});

it('methods of an address', () => {
  const allowed = new AllowedMethods();
  allowed.add('/a/:Sid.json', 'GET');
  allowed.add('/a/:Sid.json', ['POST', 'DELETE']);
  allowed.add('/a/b.json', 'HEAD');
  expect(allowed.of('/a/b.json')).toEqual(['DELETE', 'GET', 'HEAD', 'POST']);
  expect(allowed.of('/a/c.json')).toEqual(['DELETE', 'GET', 'POST']);
  expect(allowed.of('/a/c/d.json')).toEqual([]);
  expect(allowed.of('/a/cxjson')).toEqual([]);
});
