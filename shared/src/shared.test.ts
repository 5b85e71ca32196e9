import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DISCONNECTS,
  HUB_ERRORS,
  afterDisconnect,
  clientFrameSchema,
  escapeToken,
  eventDataSchemas,
  identitySchema,
  identityTokens,
  isAfter,
  isSid,
  parseTopic,
  patternIsSubset,
  sidFromHex,
  topicMatches,
  topicsOf,
  unescapeToken,
} from './index.ts';

const token = fc.constantFrom('a', 'b', 'c', '=2B1');
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([tokens, rest]) => [...tokens, ...(rest ? ['>'] : [])].join('.'));
const topic = fc.array(token, { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join('.'));

describe('topics', () => {
  it('any text survives as one token that NATS subjects and KV keys accept', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'binary' }), (text) => {
        const escaped = escapeToken(text);
        expect(escaped).toMatch(/^[A-Za-z0-9_=-]+$/);
        expect(unescapeToken(escaped)).toBe(text);
      }),
    );
  });

  it('different texts never share a token', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (a, b) => {
        fc.pre(a !== b);
        expect(escapeToken(a)).not.toBe(escapeToken(b));
      }),
    );
  });

  it('BR-2 the levels of an identity become tokens, so that a prefix can be matched', () => {
    expect(identityTokens('support/tier1/alice@example.com')).toBe('support.tier1.alice=40example=2Ecom');
    expect(topicMatches('clients.support.>', `clients.${identityTokens('support/tier1/alice')}.incoming`)).toBe(true);
    expect(() => identityTokens('support//alice')).toThrow(RangeError);
    expect(identitySchema.safeParse('support//alice').success).toBe(false);
    expect(identitySchema.safeParse('support/tier1/alice').success).toBe(true);
  });

  it('checks what clients write, escapes what it may and explains what it refuses', () => {
    expect(parseTopic('numbers.+15550100.*', { wildcards: true })).toEqual({
      ok: true,
      topic: 'numbers.=2B15550100.*',
    });
    for (const bad of ['', 'a..b', '.a', 'a.', 'a.b*', 'a.>.b', 'a.=zz', 'x'.repeat(600), 'a.'.repeat(30) + 'a']) {
      expect(parseTopic(bad, { wildcards: true }).ok, bad).toBe(false);
    }
    expect(parseTopic('a.*', { wildcards: false })).toMatchObject({ ok: false });
    expect(parseTopic('app.$JS.API', { wildcards: false })).toEqual({ ok: true, topic: 'app.=24JS.API' });
  });

  it('EV-4 a pattern is a subset of another exactly when everything it matches is matched there', () => {
    fc.assert(
      fc.property(pattern, pattern, topic, (inner, outer, given) => {
        if (patternIsSubset(inner, outer) && topicMatches(inner, given)) expect(topicMatches(outer, given)).toBe(true);
      }),
      { numRuns: 2000 },
    );
    expect(patternIsSubset('calls.*.ringing', 'calls.>')).toBe(true);
    expect(patternIsSubset('calls.>', 'calls.*')).toBe(false);
    expect(patternIsSubset('>', 'calls.>')).toBe(false);
    expect(patternIsSubset('calls', 'calls.>')).toBe(false);
    expect(patternIsSubset('calls.>', 'calls.>')).toBe(true);
  });

  it('EV-1 every event type has its topics; life-cycle events are on the numbers too', () => {
    const data = { callSid: 'CA1', direction: 'inbound', from: '+15550111', to: 'client:alice' } as const;
    expect(topicsOf('call.initiated', data)).toEqual(['calls.CA1.initiated', 'numbers.=2B15550111.initiated']);
    expect(topicsOf('call.ringing', data)).toEqual(['calls.CA1.ringing']);
    expect(topicsOf('client.registered', { identity: 'support/alice', registration: 'r1' })).toEqual([
      'clients.support.alice.registered',
    ]);
    const phone = { address: 'alice@ex.com', contact: 'sip:a@h', source: '192.0.2.1:5060/udp' };
    expect(topicsOf('phone.unregistered', { ...phone, reason: 'expired' })).toEqual([
      'phones.alice=40ex=2Ecom.unregistered',
    ]);
    for (const type of Object.keys(eventDataSchemas))
      expect(type).toMatch(
        /^(call|client|conference|guard|link|node|phone|presence|queue|recording|stream|transcription|trunk|webhook)\.[a-z-]+$/,
      );
  });
});

describe('codes', () => {
  it('error and disconnect codes are unique and their ranges tell the client what to do', () => {
    const errors = Object.values(HUB_ERRORS).map((e) => e.code);
    expect(new Set(errors).size).toBe(errors.length);
    const closes = Object.values(DISCONNECTS).map((d) => d.code);
    expect(new Set(closes).size).toBe(closes.length);
    expect(afterDisconnect(DISCONNECTS.slow.code)).toBe('reconnect');
    expect(afterDisconnect(DISCONNECTS.tokenExpired.code)).toBe('reconnect-with-new-token');
    expect(afterDisconnect(DISCONNECTS.badProtocol.code)).toBe('stop');
    expect(afterDisconnect(1006)).toBe('reconnect');
  });
});

describe('ids and positions', () => {
  it('sids have their prefix and 32 hexadecimal digits', () => {
    const sid = sidFromHex('call', 'ab'.repeat(16));
    expect(isSid('call', sid)).toBe(true);
    expect(isSid('account', sid)).toBe(false);
    expect(() => sidFromHex('call', 'xyz')).toThrow(RangeError);
  });

  it('positions of different epochs cannot be compared', () => {
    expect(isAfter({ epoch: 'a', seq: 2 }, { epoch: 'a', seq: 1 })).toBe(true);
    expect(isAfter({ epoch: 'a', seq: 2 }, { epoch: 'b', seq: 1 })).toBeUndefined();
  });
});

describe('frames', () => {
  it('unknown commands and wrong types are refused, unknown members ignored', () => {
    expect(clientFrameSchema.safeParse({ type: 'subscribe', id: 1, topic: 'calls.>', extra: 1 }).success).toBe(true);
    expect(clientFrameSchema.safeParse({ type: 'subscribe', id: '1', topic: 'calls.>' }).success).toBe(false);
    expect(clientFrameSchema.safeParse({ type: 'explode', id: 1 }).success).toBe(false);
    expect(clientFrameSchema.safeParse([]).success).toBe(false);
  });
});
