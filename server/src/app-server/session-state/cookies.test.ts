import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptCookies, cookieHeader } from './cookies.ts';
import type { CookieRecord } from './ports.ts';
import { emptySession, withCookies } from './session.ts';

const NOW = Date.UTC(2026, 0, 1);
const SITE = 'http://home.example.org:8888/cookie-parser';

function sent(set: readonly string[], to: string, options: { from?: string; at?: number } = {}): string {
  const { from = SITE, at = NOW } = options;
  const records = acceptCookies({ url: from, setCookies: set, now: NOW, seq: 1 });
  const { cookies } = withCookies(emptySession({ kind: 'call', accountSid: 'AC1', callSid: 'CA1' }, NOW), records, NOW);
  return cookieHeader(cookies, to, at) ?? '';
}

/** Cases as the HTTP state working group's suite for RFC 6265 has them: attribute, chromium, comma, domain, path ... */
describe('SS-1 cookies are kept and sent as RFC 6265 says', () => {
  const here = 'http://home.example.org:8888/cookie-parser-result';
  it.each<[string, string[], string]>([
    ['a pair', ['foo=bar'], 'foo=bar'],
    ['an expired one', ['foo=bar; Expires=Fri, 07 Aug 2007 08:04:19 GMT'], ''],
    ['two', ['foo=bar', 'baz=qux'], 'foo=bar; baz=qux'],
    ['the same name twice', ['foo=bar', 'foo=qux'], 'foo=qux'],
    ['white space around', [' foo =  bar  '], 'foo=bar'],
    ['quotes belong to the value', ['foo="bar"'], 'foo="bar"'],
    ['an equals sign in the value', ['foo=a=b'], 'foo=a=b'],
    ['commas', ['foo=bar, baz=qux'], 'foo=bar, baz=qux'],
    ['no equals sign', ['foo'], ''],
    ['no name', ['=bar'], ''],
    ['an empty value', ['foo='], 'foo='],
    ['attributes nobody knows', ['foo=bar; Frobnicate=1; ; ='], 'foo=bar'],
    ['attribute names in any case', ['foo=bar; pAtH=/; MAX-age=60'], 'foo=bar'],
    ['Max-Age goes before Expires', ['foo=bar; Max-Age=100; Expires=Fri, 07 Aug 2007 08:04:19 GMT'], 'foo=bar'],
    ['Max-Age 0', ['foo=bar; Max-Age=0'], ''],
    ['negative Max-Age', ['foo=bar; Max-Age=-1'], ''],
    ['Max-Age that is no number', ['foo=bar; Max-Age=soon'], 'foo=bar'],
    ['dates in other forms', ['foo=bar; Expires=Friday, 01-Jan-38 00:00:00 GMT'], 'foo=bar'],
    ['dates that are none', ['foo=bar; Expires=tomorrow'], 'foo=bar'],
    ['HttpOnly', ['foo=bar; HttpOnly'], 'foo=bar'],
    ['SameSite has no meaning', ['foo=bar; SameSite=Strict'], 'foo=bar'],
    ['Secure over plain HTTP', ['foo=bar; Secure'], ''],
    ['a name with __Host- without Secure', ['__Host-foo=bar; Path=/'], ''],
    ['a name with __Secure- without Secure', ['__Secure-foo=bar'], ''],
    ['the domain of the host', ['foo=bar; Domain=home.example.org'], 'foo=bar'],
    ['the domain with a dot', ['foo=bar; Domain=.example.org'], 'foo=bar'],
    ['the domain in capitals', ['foo=bar; Domain=EXAMPLE.org'], 'foo=bar'],
    ['the domain of somebody else', ['foo=bar; Domain=other.example.org'], ''],
    ['a public suffix', ['foo=bar; Domain=org'], ''],
    ['a shared hosting suffix', ['foo=bar; Domain=github.io'], ''],
    ['the path of the page by default', ['foo=bar; Path='], 'foo=bar'],
    ['another path', ['foo=bar; Path=/elsewhere'], ''],
    ['a deletion', ['foo=bar', 'foo=; Max-Age=0', 'baz=1'], 'baz=1'],
  ])('%s', (_name, set, expected) => {
    const header = sent(set, here);
    // Secure cookies may not be set by a site without TLS, or are not sent to it: either way it gets none.
    expect(header).toBe(expected);
  });

  it('paths: prefixes by whole segments; the longer path is sent first', () => {
    const set = ['a=1; Path=/', 'b=2; Path=/foo', 'c=3; Path=/foo/bar'];
    const from = 'http://example.org/foo/bar/x';
    expect(sent(set, 'http://example.org/foo/bar/y', { from })).toBe('c=3; b=2; a=1');
    expect(sent(set, 'http://example.org/foobar', { from })).toBe('a=1');
    expect(sent(['d=4'], 'http://example.org/foo/bar/z', { from })).toBe('d=4');
    expect(sent(['d=4'], 'http://example.org/foo/', { from })).toBe('');
  });

  it('domains: below the one given; addresses are hosts of their own', () => {
    const from = 'https://app.example.org/voice';
    expect(sent(['a=1; Domain=example.org'], 'https://media.example.org/', { from })).toBe('a=1');
    expect(sent(['a=1; Domain=example.org'], 'https://notexample.org/', { from })).toBe('');
    expect(sent(['a=1'], 'https://media.example.org/', { from })).toBe('');
    expect(sent(['a=1; Domain=0.0.1'], 'http://127.0.0.1/', { from: 'http://127.0.0.1/' })).toBe('');
    expect(sent(['a=1; Path=/'], 'http://127.0.0.1/x', { from: 'http://127.0.0.1/' })).toBe('a=1');
    expect(sent(['a=1; Path=/'], 'http://localhost:3000/x', { from: 'http://localhost:3000/' })).toBe('a=1');
  });

  it('Secure cookies go to https and wss alone', () => {
    const from = 'https://app.example.org/';
    expect(sent(['a=1; Secure'], 'https://app.example.org/x', { from })).toBe('a=1');
    expect(sent(['a=1; Secure'], 'wss://app.example.org/media', { from })).toBe('a=1');
    expect(sent(['a=1; Secure; Domain=app.example.org'], 'http://app.example.org/x', { from })).toBe('');
  });

  it('life: until Max-Age is over', () => {
    expect(sent(['a=1; Max-Age=60'], SITE, { at: NOW + 59_000 })).toBe('a=1');
    expect(sent(['a=1; Max-Age=60'], SITE, { at: NOW + 60_000 })).toBe('');
  });

  it('a cookie that is larger than 4,096 characters is not taken', () => {
    expect(sent([`a=${'x'.repeat(4096)}`], SITE)).toBe('');
  });

  it('what is no http address has none', () => {
    expect(sent(['a=1'], 'ftp://home.example.org/', {})).toBe('');
    expect(acceptCookies({ url: 'mailto:a', setCookies: ['a=1'], now: NOW, seq: 1 })).toEqual([]);
  });
});

const label = fc.constantFrom('a', 'b', 'app', 'other');
const origin = fc
  .tuple(
    fc.constantFrom('http', 'https'),
    label,
    fc.constantFrom('example.org', 'example.net', 'co.uk'),
    fc.constantFrom('', ':8080', ':9090'),
  )
  .map(([scheme, name, zone, port]) => `${scheme}://${name}.${zone}${port}`);
const attributes = fc.array(
  fc.constantFrom(
    'Path=/',
    'Secure',
    'HttpOnly',
    'SameSite=None',
    'Max-Age=60',
    'Domain=',
    'Domain=org',
    'Domain=uk',
    'Domain=co.uk',
  ),
);

it('SS-7 a cookie without a domain of its own never reaches another origin, whatever else it says', () => {
  fc.assert(
    fc.property(origin, origin, attributes, (from, to, given) => {
      const set = `sid=secret; ${given.join('; ')}`;
      const records: CookieRecord[] = acceptCookies({ url: `${from}/voice`, setCookies: [set], now: NOW, seq: 1 });
      const header = cookieHeader(records, `${to}/voice`, NOW);
      if (from !== to) expect(header).toBeUndefined();
    }),
    { numRuns: 2000 },
  );
});

it('SS-7 a cookie with a domain reaches hosts of that domain alone', () => {
  const domain = fc.constantFrom('example.org', 'app.example.org', 'example.net', 'a.co.uk', 'b.co.uk');
  fc.assert(
    fc.property(origin, origin, domain, (from, to, given) => {
      const records = acceptCookies({ url: from, setCookies: [`s=1; Path=/; Domain=${given}`], now: NOW, seq: 1 });
      const header = cookieHeader(records, to, NOW);
      const within = (url: string): boolean => `.${new URL(url).hostname}`.endsWith(`.${given}`);
      expect(header !== undefined).toBe(within(from) && within(to));
    }),
    { numRuns: 2000 },
  );
});
