import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeToken, parseTopic, topicMatches } from '@hookswitch/shared';
import {
  DEFAULT_SHARDS,
  eventSubject,
  ingestFilter,
  ingestSubject,
  kvKey,
  messageId,
  parseEventSubject,
  parseKvKey,
  rpcSubject,
  shardOf,
} from './subjects.ts';

const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }),
  fc.constantFrom('>', '*', '.', 'a.b', 'hs.in.0.AC2', '$JS.API', ' ', '\r\n', 'ÄÖ/…', '=2E', 'AC1.calls'),
);
const topic = fc.array(text, { minLength: 1, maxLength: 4 }).map((parts) => parts.map(escapeToken).join('.'));

describe('subjects', () => {
  it('any account and topic survive the way through a subject', () => {
    fc.assert(
      fc.property(text, topic, (account, given) => {
        expect(parseEventSubject(ingestSubject(account, given))).toEqual({ account, topic: given });
        expect(parseEventSubject(eventSubject(account, given))).toEqual({ account, topic: given });
        expect(ingestSubject(account, given)).toMatch(/^hs\.in\.[0-3]\.[A-Za-z0-9_=.-]+$/);
      }),
    );
  });

  it('BR-1 no account is reached by a topic or pattern of another, whatever its text', () => {
    const hostile = fc.oneof(
      text,
      topic,
      fc.array(text, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.')),
    );
    fc.assert(
      fc.property(text, hostile, text, topic, (account, wanted, other, given) => {
        fc.pre(account !== other);
        let pattern: string;
        try {
          pattern = eventSubject(account, wanted);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        expect(topicMatches(pattern, eventSubject(other, given))).toBe(false);
        expect(topicMatches(ingestFilter(account, wanted), ingestSubject(other, given))).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes what shared/ normalises, refuses wildcards where one topic is meant', () => {
    const parsed = parseTopic('numbers.+15550100.*', { wildcards: true });
    expect(eventSubject('AC1', parsed.ok ? parsed.topic : '')).toBe('hs.ev.AC1.numbers.=2B15550100.*');
    for (const bad of ['', 'a..b', 'a.*', '>', 'a b', 'a.>', 'a.=zz', 'a\r\nPUB x']) {
      expect(() => ingestSubject('AC1', bad), bad).toThrow(RangeError);
    }
    for (const bad of ['', 'a.>.b', 'a*', '$JS.API.>']) expect(() => eventSubject('AC1', bad), bad).toThrow(RangeError);
  });

  it('foreign subjects are not events', () => {
    for (const subject of [
      'hs.rpc.n1.x',
      'hs.ev.AC1',
      'hs.in.x.AC1.a',
      'hs.in.0.AC1',
      'xx.ev.AC1.a',
      'hs.ev.=zz.a',
      '',
    ]) {
      expect(parseEventSubject(subject), subject).toBeUndefined();
    }
  });

  it('KV keys hold any texts and give them back', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (parts) => {
        const key = kvKey(...parts);
        expect(key).toMatch(/^[-_=.a-zA-Z0-9]+$/);
        expect(parseKvKey(key)).toEqual(parts);
      }),
    );
  });

  it('the shard of an account never changes and shards are used evenly', () => {
    expect(['AC1', 'AC2', 'AC3', 'AC4'].map((account) => shardOf(account))).toEqual([2, 3, 0, 1]);
    const counts = new Array<number>(DEFAULT_SHARDS).fill(0);
    for (let i = 0; i < 4000; i++) counts[shardOf(`AC${i.toString(16).padStart(32, '0')}`)]! += 1;
    for (const count of counts) expect(count).toBeGreaterThan(700);
  });

  it('message ids differ by account, subject and event, and not by how these are cut', () => {
    expect(messageId('a', 'b', 'c')).toBe(messageId('a', 'b', 'c'));
    const ids = [
      messageId('a', 'b', 'c'),
      messageId('ab', '', 'c'),
      messageId('a', 'bc', ''),
      messageId('a', 'b', 'd'),
    ];
    expect(new Set(ids).size).toBe(4);
  });

  it('a node name is one token of a request subject', () => {
    expect(rpcSubject('host.example:1', 'bridge.accept')).toBe('hs.rpc.host=2Eexample=3A1.bridge=2Eaccept');
  });
});
