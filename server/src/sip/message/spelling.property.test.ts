import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createRequest,
  formatNameAddr,
  formatUri,
  formatVia,
  headerKey,
  parseMessage,
  parseNameAddr,
} from './index.ts';
import { parseUri, parseVia, quote, serialize, splitList, unquote } from './index.ts';
import type { AnyMessage, NameAddr, SipUri, Via } from './index.ts';

const token = fc.stringMatching(/^[A-Za-z0-9.!%*_+`'~-]{1,12}$/);
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);
const port = fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined });
const host = fc.oneof(
  fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}\.){0,2}[a-z]{2,5}$/),
  fc.ipV4(),
  fc.ipV6().map((address) => address.toLowerCase()),
);
const quoted = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replace(/\p{Cc}/gu, ''));
const params = fc
  .uniqueArray(fc.tuple(name, fc.option(fc.oneof(token, quoted.map(quote)), { nil: undefined })), {
    maxLength: 4,
    selector: ([key]) => key,
  })
  .map((pairs) => new Map(pairs));
const plainParams = fc
  .uniqueArray(fc.tuple(name, fc.option(token, { nil: undefined })), { maxLength: 3, selector: ([key]) => key })
  .map((pairs) => new Map(pairs));
const uri: fc.Arbitrary<SipUri> = fc
  .record({
    scheme: fc.constantFrom('sip' as const, 'sips' as const),
    user: fc.option(fc.stringMatching(/^[A-Za-z0-9+.!~*'()&=$,;?/_-]{1,12}$/), { nil: undefined }),
    secret: fc.option(fc.stringMatching(/^[A-Za-z0-9&=+$,_-]{0,8}$/), { nil: undefined }),
    host,
    port,
    params: plainParams,
    headers: fc.option(fc.stringMatching(/^[A-Za-z0-9]{1,6}=[A-Za-z0-9%]{0,8}$/), { nil: undefined }),
  })
  .map(({ secret, ...rest }) => ({ ...rest, password: rest.user === undefined ? undefined : secret }));
const nameAddr: fc.Arbitrary<NameAddr> = fc.record({ displayName: quoted, uri, params });
const via: fc.Arbitrary<Via> = fc.record({
  transport: fc.constantFrom('UDP', 'TCP', 'TLS', 'WS', 'SCTP', 'UNKNOWN'),
  host,
  port,
  params: plainParams,
});

/** Every long name that has a compact one. */
const COMPACT: Readonly<Record<string, string>> = {
  ...{ 'Content-Type': 'c', 'Content-Encoding': 'e', From: 'f', 'Call-ID': 'i', Supported: 'k', Contact: 'm' },
  ...{ Event: 'o', 'Refer-To': 'r', 'Referred-By': 'b', Subject: 's', To: 't', 'Allow-Events': 'u', Via: 'v' },
  ...{ 'Session-Expires': 'x', Identity: 'y', 'Content-Length': 'l' },
};

/** Ways to write the name of a header. */
function spellings(title: string): string[] {
  const compact = COMPACT[title];
  const mixed = title.replace(/(.)(.?)/g, (_, odd: string, even: string) => odd.toLowerCase() + even.toUpperCase());
  const all = [title, title.toLowerCase(), title.toUpperCase(), mixed];
  return compact === undefined ? all : [...all, compact, compact.toUpperCase()];
}

/** One header, written in any way that section 7.3 allows. */
const written = (title: string, value: string): fc.Arbitrary<string> =>
  fc
    .record({
      spelling: fc.constantFrom(...spellings(title)),
      before: fc.constantFrom('', ' ', '\t', '  '),
      after: fc.constantFrom('', ' ', '\t ', '\r\n ', ' \r\n\t'),
      end: fc.constantFrom('', ' ', '\t\t', '\r\n '),
    })
    .map(({ spelling, before, after, end }) => `${spelling}${before}:${after}${value}${end}`);

function read(lines: readonly string[]): AnyMessage {
  const parsed = parseMessage(Buffer.from(['OPTIONS sip:a@b SIP/2.0', ...lines, '', ''].join('\r\n')));
  if (parsed === undefined) throw new Error('not SIP');
  expect(parsed.problems).toEqual([]);
  return parsed.message;
}

describe('RFC 3261 section 7.3: one header, many spellings', () => {
  it('names in any case, compact, with blanks before the colon and folding behind it', () => {
    const titles = [
      ...Object.keys(COMPACT),
      'Max-Forwards',
      'CSeq',
      'WWW-Authenticate',
      'P-Asserted-Identity',
      'X-Own',
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...titles).chain((title) => fc.tuple(fc.constant(title), written(title, 'a value'))),
        ([title, line]) => {
          // A Content-Length that is no number is a problem of its own.
          fc.pre(title !== 'Content-Length');
          const { headers } = read([line]);
          expect(headers.get(title)).toBe('a value');
          expect(headers.lines.map(({ key }) => key)).toEqual([title.toLowerCase()]);
        },
      ),
      { numRuns: 800 },
    );
    for (const [title, compact] of Object.entries(COMPACT)) expect(headerKey(compact)).toBe(title.toLowerCase());
  });

  it('a list is the same in one line or several, with whatever white space', () => {
    fc.assert(
      fc.property(
        fc.array(via, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(3), { minLength: 6, maxLength: 6 }),
        (values, choices) => {
          const lines: string[] = [];
          for (const [index, value] of values.map(formatVia).entries()) {
            const choice = choices[index] ?? 0;
            const last = lines.pop();
            if (last === undefined || choice === 0) lines.push(...(last === undefined ? [] : [last]), `Via: ${value}`);
            else lines.push(`${last}${[',', ', ', ' ,\r\n  '][choice - 1] ?? ','}${value}`);
          }
          const { headers, via: top } = read(lines);
          expect(headers.all('v')).toEqual(values.map(formatVia));
          expect(top).toEqual(values[0]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('commas, semicolons and brackets within quotes and brackets separate nothing', () => {
    fc.assert(
      fc.property(fc.array(nameAddr, { minLength: 1, maxLength: 5 }), (values) => {
        const all = values.map(formatNameAddr);
        expect(splitList(all.join(' , '))).toEqual(all);
        expect(read([`Contact: ${all.join(',')}`]).headers.all('contact')).toEqual(all);
      }),
      { numRuns: 800 },
    );
  });
});

describe('values: what is written is read back', () => {
  it('URIs with IPv6, users of odd characters, parameters and headers', () => {
    fc.assert(
      fc.property(uri, (value) => {
        expect(parseUri(formatUri(value))).toEqual(value);
      }),
      { numRuns: 2000 },
    );
  });

  it('names and addresses with quotes, escapes and parameters', () => {
    fc.assert(
      fc.property(nameAddr, (value) => {
        // White space at the ends of a quoted string is part of it; other controls were left out above.
        expect(parseNameAddr(formatNameAddr(value))).toEqual(value);
      }),
      { numRuns: 2000 },
    );
  });

  it('Via of all transports, also with blanks wherever section 25.1 has them', () => {
    fc.assert(
      fc.property(via, (value) => {
        const text = formatVia(value);
        expect(parseVia(text)).toEqual(value);
        expect(parseVia(text.replace('SIP/2.0/', 'sip / 2.0\t/ ').replaceAll(';', ' ; '))).toEqual(value);
      }),
      { numRuns: 1000 },
    );
  });

  it('quoted strings', () => {
    fc.assert(
      fc.property(quoted, (text) => {
        expect(unquote(quote(text))).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it('whatever URI the parser takes can be the target of a request', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
        if (parseUri(`sip:${text}@host`) === undefined) return;
        const request = createRequest({ method: 'BYE', uri: `sip:${text}@host` }, []);
        expect(parseMessage(serialize(request))?.message).toMatchObject({ method: 'BYE' });
      }),
      { numRuns: 2000 },
    );
  });
});

describe('messages: read, written and read again they are the same', () => {
  it('with any headers in any spelling', () => {
    const headers: fc.Arbitrary<string[]> = fc
      .tuple(via, nameAddr, nameAddr, nameAddr)
      .chain(([top, from, to, contact]) =>
        fc.tuple(
          written('Via', formatVia(top)),
          written('From', formatNameAddr(from)),
          written('To', formatNameAddr(to)),
          written('Contact', formatNameAddr(contact)),
          written('Call-ID', 'a@b'),
          written('CSeq', '1 OPTIONS'),
        ),
      );
    fc.assert(
      fc.property(headers, (lines) => {
        const first = read(lines);
        const again = parseMessage(serialize(first))?.message;
        expect(again).toMatchObject({ from: first.from, to: first.to, via: first.via, contact: first.contact });
        const pairs = (message: AnyMessage | undefined): string[][] =>
          (message?.headers.lines ?? []).map(({ key, value }) => [key, value]);
        expect(pairs(again).filter(([key]) => key !== 'content-length')).toEqual(pairs(first));
        expect([first.from, first.to, first.via, first.contact].includes(undefined)).toBe(false);
      }),
      { numRuns: 800 },
    );
  });
});
