import jwt from 'jsonwebtoken';
import { describe, expect, it } from 'vitest';
import { DISCONNECTS, HUB_ERRORS } from '@hookswitch/shared';
import type { HubErrorName } from '@hookswitch/shared';
import { systemClock } from '../kernel/index.ts';
import { ACCOUNT, KEY, OTHER_ACCOUNT, OTHER_KEY, OTHER_SECRET, SECRET, event, token } from '../hub/testing/fixtures.ts';
import type { MessageExtension } from './index.ts';
import { TRANSPORTS, gatewayFixture, nativeClient, socketIoClient } from './testing/clients.ts';

const seconds = (offset: number): number => Math.floor(systemClock.now() / 1000) + offset;
const sign = (claims: object, secret = SECRET, algorithm: jwt.Algorithm = 'HS256'): string =>
  jwt.sign(claims, secret, { algorithm, noTimestamp: true });
const good = { iss: KEY, sub: ACCOUNT, exp: seconds(600), grants: { identity: 'alice' } };

const REFUSED: readonly (readonly [string, () => string, HubErrorName, number])[] = [
  ['garbage', () => 'garbage', 'tokenInvalid', DISCONNECTS.tokenInvalid.code],
  ['empty', () => '', 'tokenInvalid', DISCONNECTS.tokenInvalid.code],
  ['expired', () => sign({ ...good, exp: seconds(-1) }), 'tokenExpired', DISCONNECTS.tokenExpired.code],
  ['not yet valid', () => sign({ ...good, nbf: seconds(300) }), 'tokenInvalid', DISCONNECTS.tokenInvalid.code],
  ['too long-lived', () => sign({ ...good, exp: seconds(48 * 3600) }), 'tokenInvalid', DISCONNECTS.tokenInvalid.code],
  [
    'of an unknown key',
    () => sign({ ...good, iss: `SK${'9'.repeat(32)}` }),
    'tokenInvalid',
    DISCONNECTS.tokenInvalid.code,
  ],
  ['signed with another secret', () => sign(good, 'guess'), 'tokenInvalid', DISCONNECTS.tokenInvalid.code],
  ['unsigned (alg none)', () => sign(good, '', 'none'), 'tokenInvalid', DISCONNECTS.tokenInvalid.code],
  [
    'foreign: another account signed with this key',
    () => sign({ ...good, sub: OTHER_ACCOUNT }),
    'tokenForeign',
    DISCONNECTS.tokenInvalid.code,
  ],
  [
    'over-scoped: a pattern that is none',
    () => sign({ ...good, grants: { hub: { subscribe: ['a.>.b'] } } }),
    'tokenInvalid',
    DISCONNECTS.tokenInvalid.code,
  ],
];

describe.each(Object.entries(TRANSPORTS))('%s', (name, connect) => {
  it.each(REFUSED)('BR-1 refuses a token that is %s', async (_what, make, error, disconnect) => {
    await using fixture = await gatewayFixture();
    const client = await connect(fixture.port);
    client.send({ type: 'connect', id: 7, token: make() });
    expect(await client.next('error')).toMatchObject({ id: 7, name: error, code: HUB_ERRORS[error].code });
    expect(await client.next('disconnect')).toMatchObject({ code: disconnect });
    const code = await client.closed;
    if (name === 'native WebSocket') expect(code).toBe(disconnect);
    expect(fixture.log.subscriptions).toBe(0);
  });

  it('BR-1 subscribes, publishes and delivers what was granted, and refuses what was not before anything exists', async () => {
    await using fixture = await gatewayFixture();
    const client = await connect(fixture.port);
    const limited = token(systemClock, {
      identity: 'alice',
      hub: { subscribe: ['app.room.*', 'clients.alice.>'], publish: ['app.room.one'] },
    });
    expect(await client.ask({ type: 'subscribe', id: 1, topic: 'app.room.one' })).toMatchObject({
      name: 'notConnected',
    });
    expect(await client.ask({ type: 'connect', id: 2, token: limited })).toMatchObject({
      type: 'connected',
      accountSid: ACCOUNT,
      identity: 'alice',
      node: 'node-1',
    });
    for (const [at, topic] of ['app.room.>', '>', 'app.*.one', 'clients.bob.incoming', 'app.room.one.more'].entries()) {
      expect(await client.ask({ type: 'subscribe', id: 10 + at, topic })).toMatchObject({ name: 'notPermitted' });
    }
    expect(fixture.log.subscriptions).toBe(0);
    expect(await client.ask({ type: 'subscribe', id: 20, topic: 'app.room.*' })).toMatchObject({
      type: 'subscribed',
      topic: 'app.room.*',
      recovered: true,
    });
    expect(await client.ask({ type: 'subscribe', id: 21, topic: 'app.room.*' })).toMatchObject({
      name: 'alreadySubscribed',
    });
    expect(await client.ask({ type: 'subscribe', id: 22, topic: 'a..b' })).toMatchObject({ name: 'badTopic' });
    const published = await client.ask({
      type: 'publish',
      id: 30,
      topic: 'app.room.one',
      data: { n: 1 },
      eventId: 'e1',
    });
    expect(published).toMatchObject({ type: 'published', eventId: 'e1' });
    const [delivered] = await client.eventCount(1);
    expect(delivered).toMatchObject({
      topic: 'app.room.one',
      position: 'position' in published ? published.position : undefined,
      event: { id: 'e1', type: 'app.message', subject: 'alice', accountsid: ACCOUNT, data: { n: 1 } },
    });
    for (const [at, topic] of ['app.room.two', 'calls.CA1.ended', 'clients.alice.incoming'].entries()) {
      expect(await client.ask({ type: 'publish', id: 40 + at, topic, data: {} })).toMatchObject({
        name: 'notPermitted',
      });
    }
    expect(
      await client.ask({ type: 'publish', id: 50, topic: 'app.room.one', data: 'x'.repeat(33_000) }),
    ).toMatchObject({ name: 'payloadTooLarge' });
    expect(await client.ask({ type: 'unsubscribe', id: 60, topic: 'app.room.*' })).toMatchObject({
      type: 'unsubscribed',
    });
    expect(await client.ask({ type: 'unsubscribe', id: 61, topic: 'app.room.*' })).toMatchObject({
      name: 'notSubscribed',
    });
    expect(await client.ask({ type: 'ping', id: 70 })).toEqual({ type: 'pong', id: 70 });
    await client.close();
  });

  it('BR-1 accounts never see each other, whatever the topic is called', async () => {
    await using fixture = await gatewayFixture();
    const mine = await connect(fixture.port);
    const theirs = await connect(fixture.port);
    await mine.ask({ type: 'connect', id: 1, token: token(systemClock) });
    const foreign = token(systemClock, { accountSid: OTHER_ACCOUNT, keySid: OTHER_KEY, secret: OTHER_SECRET });
    await theirs.ask({ type: 'connect', id: 1, token: foreign });
    await mine.ask({ type: 'subscribe', id: 2, topic: '>' });
    await theirs.ask({ type: 'subscribe', id: 2, topic: '>' });
    for (const topic of ['app.a', `app.${ACCOUNT}`, `app.${OTHER_ACCOUNT}.x`, 'app.$JS', 'app._INBOX']) {
      await theirs.ask({ type: 'publish', id: 100 + theirs.frames.length, topic, data: 'canary' });
    }
    await mine.ask({ type: 'publish', id: 3, topic: 'app.mine', data: 'mine' });
    await theirs.eventCount(5);
    expect((await mine.eventCount(1)).map((frame) => frame.event.data)).toEqual(['mine']);
    expect(mine.events()).toHaveLength(1);
    await mine.close();
    await theirs.close();
  });

  it('EV-6 resumes by position: nothing missing, nothing twice, in order', async () => {
    await using fixture = await gatewayFixture();
    const access = token(systemClock);
    const first = await connect(fixture.port);
    await first.ask({ type: 'connect', id: 1, token: access });
    await first.ask({ type: 'subscribe', id: 2, topic: 'app.>' });
    for (let n = 0; n < 5; n++) await fixture.hub.publish(ACCOUNT, `app.t${n % 2}`, event(n));
    const seen = await first.eventCount(5);
    await first.close();
    for (let n = 5; n < 40; n++) await fixture.hub.publish(ACCOUNT, `app.t${n % 2}`, event(n));
    const second = await connect(fixture.port);
    second.send({ type: 'connect', id: 1, token: access });
    second.send({ type: 'subscribe', id: 2, topic: 'app.>', position: seen.at(-1)!.position });
    for (let n = 40; n < 60; n++) await fixture.hub.publish(ACCOUNT, `app.t${n % 2}`, event(n));
    const rest = await second.eventCount(55);
    expect(second.frames.find((frame) => frame.type === 'subscribed')).toMatchObject({ recovered: true });
    expect([...seen, ...rest].map((frame) => frame.event.data)).toEqual(Array.from({ length: 60 }, (_, n) => n));
    await second.close();
  });

  it('carries events of every size', async () => {
    await using fixture = await gatewayFixture();
    const client = await connect(fixture.port);
    await client.ask({ type: 'connect', id: 1, token: token(systemClock) });
    await client.ask({ type: 'subscribe', id: 2, topic: 'app.>' });
    const texts = [0, 10, 60, 126, 1000, 65_000, 70_000, 400_000].map((length) => 'ü'.repeat(length));
    for (const text of texts) await fixture.hub.publish(ACCOUNT, 'app.a', event(text));
    expect((await client.eventCount(texts.length)).map((frame) => frame.event.data)).toEqual(texts);
    await client.close();
  });

  it('says that a position cannot be honoured before the first live event', async () => {
    await using fixture = await gatewayFixture();
    const client = await connect(fixture.port);
    await fixture.hub.publish(ACCOUNT, 'app.a', event('old'));
    const { position } = (await client
      .ask({ type: 'connect', id: 1, token: token(systemClock) })
      .then(() => client.ask({ type: 'subscribe', id: 2, topic: 'app.b' }))) as {
      position: { epoch: string; seq: number };
    };
    fixture.log.purge(ACCOUNT, 1);
    const stale = [
      { epoch: 'another', seq: position.seq },
      { epoch: position.epoch, seq: 0 },
      { epoch: position.epoch, seq: 1_000_000 },
    ];
    for (const [at, asked] of stale.entries()) {
      const answer = await client.ask({ type: 'subscribe', id: 10 + at, topic: `app.a.${at}.>`, position: asked });
      expect(answer).toMatchObject({ type: 'subscribed', recovered: false });
    }
    await fixture.hub.publish(ACCOUNT, 'app.a.0.x', event('new'));
    expect((await client.eventCount(1))[0]?.event.data).toBe('new');
    await client.close();
  });

  it('hands extension requests over with typed refusals, pushes, and tells the end once', async () => {
    const closed: string[] = [];
    const phone: MessageExtension = {
      name: 'phone',
      handle: async (connection, body) => {
        await Promise.resolve();
        if (body === 'crash') throw new Error('broken');
        if (body === 'refuse') return { error: 'noSuchCall', message: 'no call here' };
        connection.push({ hello: connection.grants.identity });
        return { result: { echoed: body } };
      },
      connectionClosed: (connection, reason) => closed.push(`${connection.grants.identity ?? ''}: ${reason}`),
    };
    await using fixture = await gatewayFixture({ extensions: [phone] });
    const client = await connect(fixture.port);
    await client.ask({ type: 'connect', id: 1, token: token(systemClock, { identity: 'alice' }) });
    const ask = (id: number, body: unknown, extension = 'phone') =>
      client.ask({ type: 'extension', id, extension, body });
    expect(await ask(2, 'x')).toEqual({ type: 'result', id: 2, extension: 'phone', body: { echoed: 'x' } });
    expect(await client.next('extension')).toEqual({ type: 'extension', extension: 'phone', body: { hello: 'alice' } });
    expect(await ask(3, 'refuse')).toMatchObject({ name: 'noSuchCall', code: 205, message: 'no call here' });
    expect(await ask(4, 'crash')).toMatchObject({ name: 'internal', temporary: true });
    expect(await ask(5, 'x', 'nobody')).toMatchObject({ name: 'unknownCommand' });
    await client.close();
    await expect.poll(() => closed.length).toBe(1);
    expect(closed[0]).toMatch(/^alice: /);
  });
});

describe('tokens on live connections', () => {
  it('a refresh may narrow: subscriptions that are not granted any more end, the others go on', async () => {
    await using fixture = await gatewayFixture();
    const client = await nativeClient(fixture.port);
    await client.ask({ type: 'connect', id: 1, token: token(systemClock, { identity: 'alice' }) });
    await client.ask({ type: 'subscribe', id: 2, topic: 'app.a' });
    await client.ask({ type: 'subscribe', id: 3, topic: 'app.b' });
    const narrow = token(systemClock, { identity: 'alice', hub: { subscribe: ['app.b'] } });
    expect(await client.ask({ type: 'refresh', id: 4, token: narrow })).toMatchObject({ type: 'refreshed' });
    expect(await client.next('error')).toMatchObject({ name: 'notPermitted' });
    await fixture.hub.publish(ACCOUNT, 'app.a', event('not any more'));
    await fixture.hub.publish(ACCOUNT, 'app.b', event('still'));
    expect((await client.eventCount(1)).map((frame) => frame.event.data)).toEqual(['still']);
    for (const [id, request] of [
      [5, { identity: 'mallory' }],
      [6, { accountSid: OTHER_ACCOUNT, keySid: OTHER_KEY, secret: OTHER_SECRET, identity: 'alice' }],
    ] as const) {
      expect(await client.ask({ type: 'refresh', id, token: token(systemClock, request) })).toMatchObject({
        name: 'tokenForeign',
      });
    }
    expect(await client.ask({ type: 'refresh', id: 7, token: 'garbage' })).toMatchObject({ name: 'tokenInvalid' });
    expect(await client.ask({ type: 'connect', id: 8, token: narrow })).toMatchObject({ name: 'alreadyConnected' });
    expect(await client.ask({ type: 'ping', id: 9 })).toMatchObject({ type: 'pong' });
    await client.close();
  });

  it('a suspended account and a deleted key are refused although the token was verified before', async () => {
    await using fixture = await gatewayFixture();
    const access = token(systemClock);
    const first = await nativeClient(fixture.port);
    expect(await first.ask({ type: 'connect', id: 1, token: access })).toMatchObject({ type: 'connected' });
    await first.close();
    fixture.keys.keys.set(KEY, { secret: SECRET, accountSid: ACCOUNT, accountActive: false });
    const second = await nativeClient(fixture.port);
    expect(await second.ask({ type: 'connect', id: 1, token: access })).toMatchObject({ name: 'accountInactive' });
    expect(await second.closed).toBe(DISCONNECTS.accountInactive.code);
    fixture.keys.keys.delete(KEY);
    const third = await nativeClient(fixture.port);
    expect(await third.ask({ type: 'connect', id: 1, token: access })).toMatchObject({ name: 'tokenInvalid' });
  });

  it('Socket.IO takes the token from the handshake too', async () => {
    await using fixture = await gatewayFixture();
    const client = await socketIoClient(fixture.port, { token: token(systemClock) });
    expect(await client.next('connected')).toMatchObject({ id: 0 });
    const refused = await socketIoClient(fixture.port, { token: 'garbage' });
    expect(await refused.next('disconnect')).toMatchObject({ code: DISCONNECTS.tokenInvalid.code });
    await refused.closed;
    await client.close();
  });
});
