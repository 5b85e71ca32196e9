import { describe, expect, it } from 'vitest';
import {
  HeaderList,
  createRequest,
  createResponse,
  escapeUser,
  formatNameAddr,
  formatReason,
  formatUri,
  formatVia,
  parseAuth,
  parseCSeq,
  parseNameAddr,
  parseReason,
  parseUri,
  parseVia,
  serialize,
  unescapeUser,
} from './index.ts';

describe('URIs', () => {
  it.each([
    'sip:alice@atlanta.example',
    'sip:alice:secretword@atlanta.example;transport=tcp',
    'sips:alice@atlanta.example:5061?subject=project%20x&priority=urgent',
    'sip:+1-212-555-1212:1234@gateway.example;user=phone',
    'sip:alice;day=tuesday@atlanta.example',
    'sip:a%20b%22@[2001:db8::1]:5070;lr;maddr=192.0.2.1',
    'sip:192.0.2.4',
    'sip:[::1]',
    'tel:+15550100;ext=7;phone-context=example.com',
    'urn:service:sos',
  ])('RFC 3261 section 19.1.3, RFC 3966: reads and writes %s', (text) => {
    const uri = parseUri(text);
    expect(uri).toBeDefined();
    expect(uri === undefined ? '' : formatUri(uri)).toBe(text);
  });

  it('reads the parts', () => {
    expect(parseUri('SIP:bob:pw@[2001:db8::7]:5080;LR;x=1')).toMatchObject({
      scheme: 'sip',
      user: 'bob',
      password: 'pw',
      host: '2001:db8::7',
      port: 5080,
      params: new Map([
        ['lr', undefined],
        ['x', '1'],
      ]),
    });
  });

  it.each([
    '',
    'sip:',
    'alice',
    'sip:@host',
    'sip:a@',
    'sip:a@b:99999',
    'sip:a@b:x',
    'sip:a@[::1',
    'sip:a b@c',
    'sip:a@<b>',
    'tel:',
    'tel:abc xyz',
    'sip:a@b\r\nc',
  ])('refuses %j', (text) => {
    expect(parseUri(text)).toBeUndefined();
  });

  it('escapes and unescapes users', () => {
    expect(escapeUser('a b@c/#"')).toBe('a%20b%40c/%23%22');
    expect(unescapeUser(escapeUser('support/tier1/al\u00efce'))).toBe('support/tier1/al\u00efce');
    expect(unescapeUser('100%')).toBe('100%');
  });
});

describe('header values', () => {
  it('RFC 3261 section 20.10: name-addr with quotes and escapes', () => {
    const value = parseNameAddr('"A \\"quoted\\" \\\\ <name>" <sip:a@b;x=1>;tag="t;1";q=0.5');
    expect(value).toMatchObject({
      displayName: 'A "quoted" \\ <name>',
      uri: { user: 'a', params: new Map([['x', '1']]) },
    });
    expect(value?.params).toEqual(
      new Map([
        ['tag', '"t;1"'],
        ['q', '0.5'],
      ]),
    );
    expect(parseNameAddr(value === undefined ? '' : formatNameAddr(value))).toEqual(value);
  });

  it('RFC 3261 section 20: parameters of a bare URI belong to the header', () => {
    expect(parseNameAddr('sip:a@b;tag=1')).toMatchObject({
      uri: { params: new Map() },
      params: new Map([['tag', '1']]),
    });
  });

  it.each(['<sip:a@b', '"open <sip:a@b>', '<>', 'Bob', '<sip:a@b>x', '<sip:a@b>;=1'])('refuses %j', (text) => {
    expect(parseNameAddr(text)).toBeUndefined();
  });

  it('RFC 3261 section 20.42: Via, with white space around the slashes and IPv6', () => {
    const via = parseVia('SIP / 2.0 / udp  [2001:db8::9]:5060 ;branch=z9hG4bKx; rport');
    expect(via).toMatchObject({ transport: 'UDP', host: '2001:db8::9', port: 5060 });
    expect(via === undefined ? '' : formatVia(via)).toBe('SIP/2.0/UDP [2001:db8::9]:5060;branch=z9hG4bKx;rport');
    expect(parseVia('SIP/3.0/UDP a')).toBeUndefined();
    expect(parseVia('SIP/2.0/UDP')).toBeUndefined();
  });

  it('RFC 3261 section 20.16: CSeq', () => {
    expect(parseCSeq('4711  INVITE')).toEqual({ number: 4711, method: 'INVITE' });
    expect(parseCSeq('0009 BYE')).toEqual({ number: 9, method: 'BYE' });
    for (const bad of ['INVITE', '1', '-1 BYE', '2147483648 BYE', '1 B/E']) expect(parseCSeq(bad)).toBeUndefined();
  });

  it('RFC 3326 section 2: Reason', () => {
    const reason = { protocol: 'Q.850', cause: 16, text: 'Normal "call" clearing' };
    expect(parseReason(formatReason(reason))).toEqual(reason);
    expect(parseReason('SIP')).toEqual({ protocol: 'SIP' });
    expect(parseReason('a b;cause=1')).toBeUndefined();
  });

  it('RFC 7235: challenges', () => {
    const challenge = parseAuth(
      'Digest realm="a, b", nonce="x\\"y", qop="auth,auth-int",algorithm=SHA-256 , stale=TRUE',
    );
    expect(challenge?.scheme).toBe('digest');
    expect(Object.fromEntries(challenge?.params ?? [])).toEqual({
      realm: 'a, b',
      nonce: 'x"y',
      qop: 'auth,auth-int',
      algorithm: 'SHA-256',
      stale: 'TRUE',
    });
    for (const bad of ['Digest', 'Digest realm', 'Digest realm="open', 'Digest ="x"'])
      expect(parseAuth(bad)).toBeUndefined();
  });
});

describe('writing', () => {
  it.each(['a\r\nEvil: 1', 'a\nb', 'a\rb', 'a\u0000b'])('refuses the header value %j', (value) => {
    expect(() => new HeaderList().append('X', value)).toThrow(/CR, LF or NUL/);
    expect(() => new HeaderList().set('X', value)).toThrow(/CR, LF or NUL/);
    expect(() => new HeaderList().prepend('X', value)).toThrow(/CR, LF or NUL/);
  });

  it('refuses header names, methods, URIs and reasons that break the message', () => {
    expect(() => new HeaderList().append('X:Y', '1')).toThrow(/token/);
    expect(() => createRequest({ method: 'IN VITE', uri: 'sip:a@b' }, [])).toThrow(/request line/);
    expect(() => createRequest({ method: 'BYE', uri: 'sip:a@b SIP/2.0\r\nX: 1' }, [])).toThrow(/request line/);
    expect(() => createResponse({ status: 200, reason: 'OK\r\nX: 1' }, [])).toThrow(/status line/);
    expect(() => createResponse({ status: 99 }, [])).toThrow(/status line/);
  });

  it('RFC 3261 section 20.14: Content-Length is that of the body, whatever was said', () => {
    const request = createRequest(
      { method: 'INFO', uri: 'sip:a@b' },
      [['Content-Length', '999']],
      Buffer.from('h\u00e9'),
    );
    expect(serialize(request).toString()).toBe('INFO sip:a@b SIP/2.0\r\nContent-Length: 3\r\n\r\nh\u00e9');
  });

  it('a header list replaces in place and forgets what it had read', () => {
    const list = new HeaderList().append('Via', 'a, b').append('X-A', '1').append('Via', 'c');
    expect(list.typed('via', (value) => value)).toBe('a');
    list.setFirst('via', 'z');
    expect(list.all('via')).toEqual(['z', 'b', 'c']);
    expect(list.typed('via', (value) => value)).toBe('z');
    list.set('via', 'only');
    expect(list.lines.map(({ name, value }) => `${name}: ${value}`)).toEqual(['Via: only', 'X-A: 1']);
    expect(list.remove('via').has('via')).toBe(false);
  });
});
