import { describe, expect, it } from 'vitest';
import { requestText } from '../testing/messages.ts';
import { PARSE_LIMITS, checkMessage, parseMessage, refusal, serialize } from './index.ts';
import type { ParsedMessage } from './index.ts';

function parse(text: string): ParsedMessage {
  const parsed = parseMessage(Buffer.from(text));
  if (parsed === undefined) throw new Error('not SIP');
  return parsed;
}

function statusOf(text: string): number | undefined {
  return refusal(checkMessage(parse(text)))?.status;
}

describe('parseMessage', () => {
  it('RFC 3261 section 7.1: reads the request line', () => {
    const { message } = parse(requestText());
    expect(message).toMatchObject({ kind: 'request', method: 'INVITE', uri: 'sip:+15550100@127.0.0.1' });
  });

  it('RFC 3261 section 7.2: reads the status line, with an empty reason too', () => {
    expect(parse('SIP/2.0 180 Ringing\r\n\r\n').message).toMatchObject({ status: 180, reason: 'Ringing' });
    expect(parse('SIP/2.0 200 \r\n\r\n').message).toMatchObject({ status: 200, reason: '' });
  });

  it('RFC 3261 section 7.3.1: undoes folding, takes any case and space before the colon', () => {
    const { headers } = parse('OPTIONS sip:a@b SIP/2.0\r\nSUBJECT  : one\r\n  two\r\n\tthree\r\n\r\n').message;
    expect(headers.get('subject')).toBe('one two three');
  });

  it('RFC 3261 section 7.3.3: compact forms are the long names', () => {
    const text =
      'BYE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h\r\nf: <sip:a@b>;tag=1\r\nt: <sip:b@c>\r\ni: x\r\nm: <sip:d@e>\r\nl: 0\r\n\r\n';
    const { message } = parse(text);
    expect([message.via?.host, message.fromTag, message.callId, message.contact?.uri]).toMatchObject([
      'h',
      '1',
      'x',
      { user: 'd' },
    ]);
  });

  it('RFC 3261 section 7.3.1: several lines and comma lists are the same', () => {
    const { headers } = parse(
      'BYE sip:a@b SIP/2.0\r\nRoute: <sip:a;lr>, "x,y" <sip:b;lr>\r\nX: 1\r\nRoute: <sip:c,d@e;lr>\r\nX: 2, 3\r\n\r\n',
    ).message;
    expect(headers.all('route')).toEqual(['<sip:a;lr>', '"x,y" <sip:b;lr>', '<sip:c,d@e;lr>']);
    expect(headers.all('x')).toEqual(['1', '2, 3']);
  });

  it('keeps unknown headers raw and in order', () => {
    const lines = ['X-B: 2', 'X-A: 1;  odd="\u00e9', 'x-b: 3'];
    const { headers } = parse(requestText({ extra: lines })).message;
    expect(
      headers.lines.filter(({ key }) => key.startsWith('x-')).map(({ name, value }) => `${name}: ${value}`),
    ).toEqual(lines);
  });

  it('RFC 3261 section 18.3: Content-Length bounds the body, and more than there is is an error', () => {
    expect(parse('BYE sip:a@b SIP/2.0\r\nContent-Length: 3\r\n\r\nabcdef').message.body.toString()).toBe('abc');
    expect(parse('BYE sip:a@b SIP/2.0\r\n\r\nabcdef').message.body.toString()).toBe('abcdef');
    expect(statusOf(requestText().replace(/Content-Length: \d+/, 'Content-Length: 9999'))).toBe(400);
    expect(statusOf(requestText().replace(/Content-Length: \d+/, 'Content-Length: -1'))).toBe(400);
  });

  it('ignores empty lines before the message (RFC 3261 section 7.5) and takes bare LF line ends', () => {
    expect(parse(`\r\n\r\n${requestText()}`).message).toMatchObject({ method: 'INVITE' });
    expect(statusOf(requestText({ method: 'OPTIONS' }).replaceAll('\r\n', '\n'))).toBeUndefined();
  });

  it.each(['', '\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n', '\u0000\u0001', 'hello'])(
    'is undefined for %j, which is not SIP',
    (text) => {
      expect(parseMessage(Buffer.from(text))).toBeUndefined();
    },
  );

  it.each<[string, string, number | undefined]>([
    ['a good request', requestText(), undefined],
    ['another version: 505 (section 21.5.6)', requestText().replace('SIP/2.0\r\n', 'SIP/7.0\r\n'), 505],
    ['an unknown scheme: 416 (section 8.2.2.1)', requestText({ uri: 'nobody:x@y' }), 416],
    ['a broken Request-URI', requestText({ uri: '<sip:a@b>' }), 400],
    ['white space in the Request-URI', requestText({ uri: 'sip:a@b ;x' }), 400],
    ['no Via', requestText({ via: 'X-Nothing: 1' }), 400],
    ['no From', requestText({ from: 'X-Nothing: 1' }), 400],
    ['no Call-ID', requestText().replace(/Call-ID:.*\r\n/, ''), 400],
    ['two From', requestText({ extra: ['From: <sip:x@y>;tag=2'] }), 400],
    ['two Content-Length that differ', requestText({ extra: ['Content-Length: 7'] }), 400],
    ['CSeq of another method', requestText().replace('1 INVITE', '1 BYE'), 400],
    ['CSeq too large (section 8.1.1.5)', requestText({ sequence: 2 ** 31 }), 400],
    ['a broken From', requestText({ from: 'From: "Alice <sip:a@b>;tag=1' }), 400],
    ['a broken Contact', requestText().replace(/Contact:.*\r\n/, 'Contact: <sip:\r\n'), 400],
    ['two Refer-To', requestText({ method: 'REFER', extra: ['Refer-To: <sip:a@b>', 'r: <sip:c@d>'] }), 400],
    ['Content-Length twice the same', requestText({ method: 'BYE', extra: ['l: 0'] }), undefined],
    ['Max-Forwards above 255 (section 20.22)', requestText().replace('Forwards: 70', 'Forwards: 256'), 400],
    ['an INVITE without hops: 483 (RFC 7332)', requestText().replace('Forwards: 70', 'Forwards: 0'), 483],
    [
      'a re-INVITE without hops, which goes nowhere else',
      requestText({ to: 'To: <sip:a@b>;tag=x' }).replace('Forwards: 70', 'Forwards: 0'),
      undefined,
    ],
    ['OPTIONS without hops (section 11)', requestText({ method: 'OPTIONS' }).replace(': 70', ': 0'), undefined],
    ['a caller that takes no SDP: 406 (section 21.4.7)', requestText({ extra: ['Accept: text/plain'] }), 406],
    ['a caller that takes nothing (section 20.1)', requestText({ extra: ['Accept:'] }), 406],
    ['a caller that takes SDP too', requestText({ extra: ['Accept: text/plain, application/sdp;level=1'] }), undefined],
    ['a caller that takes anything', requestText({ extra: ['Accept: */*;q=0.2'] }), undefined],
    ['an unknown method with a CSeq of another: 501', requestText({ method: 'FOO' }).replace('1 FOO', '1 BAR'), 501],
    ['headers in the Request-URI (section 19.1.1)', requestText({ uri: 'sip:a@b?Subject=x' }), 400],
    ['Contact * of a REGISTER', requestText({ method: 'REGISTER' }).replace(/Contact:.*/, 'Contact: *'), undefined],
    ['empty parameters in Via', requestText({ via: 'Via: SIP/2.0/UDP h;;branch=z9hG4bKx' }), 400],
    ['empty parameters in Contact', requestText().replace(/(Contact:.*)\r/, '$1;;;\r'), undefined],
    [
      'a Date in a zone of its own (section 8.2)',
      requestText({ extra: ['Date: Fri, 01 Jan 2010 16:00 EST'] }),
      undefined,
    ],
    ['no empty line', requestText().split('\r\n\r\n')[0] ?? '', 400],
    [
      'a broken line that nobody needs (section 8.2)',
      requestText({ extra: ['no colon here', ': no name'] }),
      undefined,
    ],
    ['no Max-Forwards, as of RFC 2543', requestText().replace('Max-Forwards: 70\r\n', ''), undefined],
    ['too long a line', requestText({ extra: [`X: ${'y'.repeat(PARSE_LIMITS.lineLength)}`] }), 513],
    ['too many lines', requestText({ extra: Array<string>(PARSE_LIMITS.headerLines).fill('X: 1') }), 513],
    ['too large a head', requestText({ extra: Array<string>(200).fill(`X: ${'y'.repeat(300)}`) }), 513],
  ])('answers by the problem: %s', (_what, text, status) => {
    expect(statusOf(text)).toBe(status);
  });

  it('reads headers that are not UTF-8 as Latin-1 and says so', () => {
    const bytes = Buffer.from(requestText({ from: 'From: "Andr\u00e9" <sip:a@b>;tag=1' }), 'latin1');
    const parsed = parseMessage(bytes);
    expect(parsed?.message.from?.displayName).toBe('Andr\u00e9');
    expect(parsed?.problems.map(({ code }) => code)).toEqual(['not-utf8']);
  });

  it('a lone CR or NUL in a value does not survive into what we write', () => {
    const parsed = parse(requestText({ extra: ['X-Evil: a\rInjected: b\u0000c'] }));
    expect(parsed.message.headers.get('x-evil')).toBe('a Injected: b c');
    expect(serialize(parsed.message).toString()).not.toMatch(/[^\n]\r[^\n]/);
  });
});
