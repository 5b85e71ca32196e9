import fc from 'fast-check';
import jwt from 'jsonwebtoken';
import { describe, expect, it } from 'vitest';
import { patternIsSubset, topicMatches } from '@hookswitch/shared';
import type { Grants } from '@hookswitch/shared';
import { FakeClock, settle } from '../kernel/clock.fake.ts';
import { systemRandom } from '../kernel/index.ts';
import { HotRing } from './hot-ring.ts';
import { TokenVerifier, allowSubscription, grantsFromClaims, issueToken, mayPublish } from './index.ts';
import { ACCOUNT, FakeKeys, KEY, SECRET, event, hubFixture, token } from './testing/fixtures.ts';
import { TopicTrie } from './topic-trie.ts';

const word = fc.constantFrom('app', 'a', 'b', 'calls');
const topic = fc.array(word, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'));
const pattern = fc
  .tuple(fc.array(fc.oneof(word, fc.constant('*')), { minLength: 0, maxLength: 3 }), fc.boolean(), word)
  .map(([tokens, rest, last]) => [...tokens, rest ? '>' : last].join('.'));

describe('topic trie', () => {
  it('matches exactly what topicMatches says, and forgets what is removed', () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 12 }),
        fc.array(topic, { maxLength: 6 }),
        fc.nat(11),
        (patterns, asked, cut) => {
          const trie = new TopicTrie<number>();
          patterns.forEach((one, at) => {
            trie.add(one, at);
          });
          patterns.slice(0, cut).forEach((one, at) => {
            expect(trie.remove(one, at)).toBe(true);
          });
          for (const one of asked) {
            const found: number[] = [];
            trie.match(one, (value) => found.push(value));
            const wanted = patterns.flatMap((held, at) => (at >= cut && topicMatches(held, one) ? [at] : []));
            expect(found.sort((a, b) => a - b)).toEqual(wanted);
          }
          patterns.slice(cut).forEach((one, at) => trie.remove(one, at + cut));
          expect(trie.size).toBe(0);
          let left = 0;
          trie.forEach(() => (left += 1));
          expect(left).toBe(0);
        },
      ),
    );
  });
});

describe('BR-1 capabilities', () => {
  const grants = (subscribe: string[], publish: string[] = []): Grants =>
    grantsFromClaims({ iss: KEY, sub: ACCOUNT, exp: 2_000_000_000, grants: { hub: { subscribe, publish } } });

  it('a subscription is permitted only when nothing outside the grants can reach it', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 4 }), pattern, topic, (granted, asked, published) => {
        if (!allowSubscription(grants(granted), asked).ok || !topicMatches(asked, published)) return;
        expect(granted.some((one) => topicMatches(one, published))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('clients publish under app. only, whatever was granted', () => {
    const everything = grants([], ['>']);
    expect(mayPublish(everything, 'app.room')).toBe(true);
    for (const one of ['calls.CA1.ended', 'clients.alice.incoming', 'app', 'application.x', 'cluster.n.x']) {
      expect(mayPublish(everything, one)).toBe(false);
    }
    expect(mayPublish(grants([], ['app.room.*']), 'app.room.a.b')).toBe(false);
  });

  it('an identity follows its own topics unless the hub grant says otherwise', () => {
    const claims = { iss: KEY, sub: ACCOUNT, exp: 2_000_000_000 };
    const own = grantsFromClaims({ ...claims, grants: { identity: 'support/tier1/alice' } });
    expect(own.subscribe).toEqual([{ topic: 'clients.support.tier1.alice.>' }]);
    expect(allowSubscription(own, 'clients.support.tier1.alice.incoming').ok).toBe(true);
    expect(allowSubscription(own, 'clients.support.>').ok).toBe(false);
    expect(grantsFromClaims({ ...claims, grants: {} }).subscribe).toEqual([]);
    const given = grantsFromClaims({ ...claims, grants: { identity: 'alice', hub: { subscribe: ['app.x'] } } });
    expect(given.subscribe).toEqual([{ topic: 'app.x' }]);
    expect(patternIsSubset('clients.alice.incoming', 'app.x')).toBe(false);
  });
});

describe('tokens', () => {
  it('round trip: what was issued is what is granted, in the shape of the voice SDKs', async () => {
    const clock = new FakeClock();
    const issued = issueToken(
      {
        accountSid: ACCOUNT,
        keySid: KEY,
        secret: SECRET,
        identity: 'alice',
        voice: { incoming: { allow: true }, outgoing: { application_sid: 'AP1', params: { a: 'b', n: 1 } } },
        hub: { subscribe: ['numbers.+15550100.>'] },
        ttlSeconds: 60,
      },
      clock,
      systemRandom,
    );
    expect(jwt.decode(issued, { complete: true })?.header).toEqual({ alg: 'HS256', typ: 'JWT', cty: 'twilio-fpa;v=1' });
    const verifier = new TokenVerifier({ keys: new FakeKeys(), clock });
    expect(await verifier.verify(issued)).toMatchObject({
      accountSid: ACCOUNT,
      keySid: KEY,
      identity: 'alice',
      expiresAt: clock.now() + 60_000,
      voice: { incoming: true, outgoing: { applicationSid: 'AP1', params: { a: 'b', n: '1' } } },
      subscribe: [{ topic: 'numbers.=2B15550100.>' }],
      publish: [],
    });
    clock.advance(60_000);
    await expect(verifier.verify(issued)).rejects.toMatchObject({ reason: 'tokenExpired' });
    expect(() => token(clock, { ttlSeconds: 86_401 })).toThrow(RangeError);
  });

  it('remembers a bounded number of tokens, and a changed secret counts at once', async () => {
    const clock = new FakeClock();
    const keys = new FakeKeys();
    const verifier = new TokenVerifier({ keys, clock, cacheSize: 3 });
    const tokens = Array.from({ length: 10 }, () => token(clock));
    for (const one of [...tokens, ...tokens]) await verifier.verify(one);
    expect(verifier.cached).toBe(3);
    keys.keys.set(KEY, { secret: 'another', accountSid: ACCOUNT, accountActive: true });
    await expect(verifier.verify(tokens[9]!)).rejects.toMatchObject({ reason: 'tokenInvalid' });
    keys.apiKey = () => {
      throw new Error('down');
    };
    await expect(verifier.verify(tokens[9]!)).rejects.toMatchObject({ reason: 'unavailable' });
  });
});

describe('subscriptions inside the process', () => {
  it('deliver in order, once, over a lost connection, share the log subscription and linger', async () => {
    const clock = new FakeClock();
    const { hub, log } = hubFixture(clock, 5000);
    const seen: unknown[] = [];
    const gaps: unknown[] = [];
    const one = hub.subscribe(
      ACCOUNT,
      'app.>',
      (logged) => seen.push(logged.event.data),
      (at) => gaps.push(at),
    );
    const two = hub.subscribe(ACCOUNT, 'app.>', () => {
      throw new Error('a broken listener harms nobody');
    });
    await Promise.all([one.ready, two.ready]);
    expect(log.subscriptions).toBe(1);
    await hub.publish(ACCOUNT, 'app.a', event(1));
    await settle();
    log.loseConnection();
    for (const n of [2, 3, 4]) log.append(ACCOUNT, `app.${n}`, event(n));
    log.regainConnection();
    await hub.publish(ACCOUNT, 'app.a', event(5));
    await settle();
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    log.loseConnection();
    log.append(ACCOUNT, 'app.a', event('lost'));
    log.append(ACCOUNT, 'app.a', event('lost too'));
    log.purge(ACCOUNT, 7);
    log.regainConnection();
    await settle();
    expect(gaps).toEqual([{ epoch: 'memory-1', seq: 7 }]);
    await hub.publish(ACCOUNT, 'app.a', event(6));
    await settle();
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    one.close();
    two.close();
    await hub.publish(ACCOUNT, 'app.a', event(7));
    await settle();
    expect(seen).toHaveLength(6);
    expect(log.subscriptions).toBe(1);
    clock.advance(5000);
    expect(log.subscriptions).toBe(0);
    expect(hub.accounts).toBe(0);
    expect(clock.pendingTimers).toBe(0);
    await hub.close();
  });

  it('a subscription that cannot be had rejects, and can be tried again', async () => {
    const clock = new FakeClock();
    const { hub, log } = hubFixture(clock, 0);
    log.loseConnection();
    await expect(hub.subscribe(ACCOUNT, 'app.a', () => undefined).ready).rejects.toMatchObject({
      reason: 'unavailable',
    });
    expect(() => hub.subscribe(ACCOUNT, 'a..b', () => undefined)).toThrow(/empty/);
    log.regainConnection();
    const seen: unknown[] = [];
    const again = hub.subscribe(ACCOUNT, 'app.a', (logged) => seen.push(logged.event.data));
    await again.ready;
    await hub.publish(ACCOUNT, 'app.a', event('x'));
    await settle();
    expect(seen).toEqual(['x']);
    again.close();
    await hub.close();
  });
});

describe('hot ring', () => {
  it('is bounded and knows how far back it reaches', () => {
    const ring = new HotRing({ maxEvents: 10 });
    for (let seq = 1; seq <= 2000; seq++) {
      const one = event();
      ring.push({ accountSid: ACCOUNT, topic: 'app.a', position: { epoch: 'e', seq }, event: one, json: '{}' });
    }
    expect(ring.size).toBe(10);
    expect(ring.reaches(1990)).toBe(true);
    expect(ring.reaches(1989)).toBe(false);
    expect(ring.between(1995, 1999).map((one) => one.position.seq)).toEqual([1996, 1997, 1998]);
  });
});
