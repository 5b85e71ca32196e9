import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requestText, responseText } from '../testing/messages.ts';
import { checkMessage, createRequest, parseMessage, parseReason, serialize } from './index.ts';
import { parseAuth, parseNameAddr, parseUri, parseVia, splitList } from './index.ts';

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9.-]{0,15}$/);
const value = fc
  .string({ unit: 'binary', maxLength: 60 })
  .map((text) => text.replace(/[\r\n\u0000]|[\ud800-\udfff]/gu, '').trim());

describe('properties of messages', () => {
  it('parse(serialize(x)) is x', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            token.map((name) => `X-${name}`),
            value,
          ),
          { maxLength: 12 },
        ),
        fc.uint8Array({ maxLength: 200 }),
        token,
        (headers, body, method) => {
          const request = createRequest({ method, uri: 'sip:a@b' }, headers, Buffer.from(body));
          const parsed = parseMessage(serialize(request));
          expect(parsed?.problems).toEqual([]);
          expect(parsed?.message).toMatchObject({ kind: 'request', method, uri: 'sip:a@b' });
          const lines = parsed?.message.headers.lines.filter(({ key }) => key !== 'content-length') ?? [];
          expect(lines.map(({ key, value: text }) => [key, text])).toEqual(
            headers.map(([name, text]) => [name.toLowerCase(), text]),
          );
          expect(parsed?.message.body).toEqual(Buffer.from(body));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('no mutation of a valid message makes the parser throw, and what it reads can be written', () => {
    const texts = [
      requestText(),
      requestText({ method: 'REGISTER', body: '' }),
      responseText(requestText(), '200 OK', { toTag: 'x' }),
    ];
    const mutation = fc.record({
      text: fc.constantFrom(...texts),
      at: fc.nat(900),
      remove: fc.nat(40),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 8 }),
        fc
          .constantFrom('\r\n', '"', '<', '>', ';', ',', ':', '%', '\\', '[', ' ', '\u0000', 'SIP/2.0')
          .map((text) => Buffer.from(text)),
      ),
    });
    fc.assert(
      fc.property(mutation, ({ text, at, remove, insert }) => {
        const bytes = Buffer.from(text);
        const mutated = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
        const parsed = parseMessage(mutated);
        if (parsed === undefined) return;
        checkMessage(parsed);
        expect([parsed.message.contact, parsed.message.sdp, parsed.message.headers.all('route')]).toHaveLength(3);
        const again = parseMessage(serialize(parsed.message));
        if (parsed.problems.length === 0) expect(again?.message.headers.lines.length).toBeGreaterThan(0);
      }),
      { numRuns: 4000 },
    );
  });

  it('a message cut anywhere is a partial result, never an exception', () => {
    const bytes = Buffer.from(requestText());
    for (let length = 0; length <= bytes.length; length++) {
      const parsed = parseMessage(bytes.subarray(0, length));
      if (parsed !== undefined) checkMessage(parsed);
      if (length > 60) expect(parsed?.kind).toBe('request');
    }
  });

  it('no text makes a value parser throw or take long', () => {
    const nasty = fc.stringMatching(/^[<>"\\;,:@=%[\]a-z0-9 ./-]{0,80}$/);
    fc.assert(
      fc.property(nasty, (text) => {
        for (const parse of [parseUri, parseNameAddr, parseVia, parseAuth, parseReason, splitList]) parse(text);
        parseAuth(`Digest ${text}`);
        parseVia(`SIP/2.0/UDP ${text}`);
        parseNameAddr(`<sip:${text}>`);
      }),
      { numRuns: 3000 },
    );
    for (const long of [
      '"\\'.repeat(4000),
      ';a='.repeat(4000),
      '<'.repeat(8000),
      ','.repeat(8000),
      'Digest a="'.repeat(800),
    ])
      for (const parse of [parseUri, parseNameAddr, parseVia, parseAuth, parseReason, splitList]) parse(long);
  });
});
