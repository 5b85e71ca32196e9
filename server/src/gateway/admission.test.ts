import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HUB_SUBPROTOCOL } from '@hookswitch/shared';
import { FakeClock } from '../kernel/clock.fake.ts';
import { seededRandom, systemClock } from '../kernel/index.ts';
import { token } from '../hub/testing/fixtures.ts';
import { Admission } from './admission.ts';
import type { GatewayOptions } from './index.ts';
import { gatewayFixture, nativeClient } from './testing/clients.ts';
import type { GatewayFixture } from './testing/clients.ts';

let fixture: GatewayFixture;
afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});
const open = async (options: Partial<GatewayOptions>): Promise<number> =>
  (fixture = await gatewayFixture(options)).port;

/** What the server answers to an upgrade, to its end. */
async function upgradeAnswer(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(
    `GET /v1/hub HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${HUB_SUBPROTOCOL}\r\n\r\n`,
  );
  let answer = '';
  socket.on('data', (data: Buffer) => (answer += data.toString()));
  await once(socket, 'close');
  return answer;
}

describe('admission', () => {
  it('sends clients away before the upgrade while too many are in their handshake and in line', async () => {
    const port = await open({ maxHandshakes: 1, maxWaiting: 0 });
    const first = await nativeClient(port);
    expect(await upgradeAnswer(port)).toMatch(
      /^HTTP\/1\.1 503 Service Unavailable\r\n(?:.*\r\n)*Retry-After: [1-4]\r\n/,
    );
    // Once it is authenticated, its place is free.
    expect((await first.ask({ type: 'connect', id: 1, token: token(systemClock) })).type).toBe('connected');
    const second = await nativeClient(port);
    await second.close();
    const third = await nativeClient(port);
    expect((await third.ask({ type: 'connect', id: 1, token: token(systemClock) })).type).toBe('connected');
  });

  it('refuses a client whose account has its connections: an error, then 4005 with a time to come back', async () => {
    const port = await open({ quotas: { connections: 1 } });
    const [first, second] = [await nativeClient(port), await nativeClient(port)];
    await first.ask({ type: 'connect', id: 1, token: token(systemClock) });
    expect(await second.ask({ type: 'connect', id: 1, token: token(systemClock) })).toMatchObject({
      type: 'error',
      name: 'limitExceeded',
      temporary: true,
    });
    expect((await second.next('disconnect')).retryAfterMs).toBeGreaterThanOrEqual(5000);
    expect(await second.closed).toBe(4005);
    await first.close();
    const third = await nativeClient(port);
    expect((await third.ask({ type: 'connect', id: 1, token: token(systemClock) })).type).toBe('connected');
  });

  it('refuses commands over the rate or number of the account, the connection stays', async () => {
    const port = await open({ quotas: { publishesPerSecond: 0.001, publishBurst: 1, subscriptions: 1 } });
    const client = await nativeClient(port);
    await client.ask({ type: 'connect', id: 1, token: token(systemClock) });
    expect((await client.ask({ type: 'publish', id: 2, topic: 'app.a', data: 1 })).type).toBe('published');
    expect(await client.ask({ type: 'publish', id: 3, topic: 'app.a', data: 1 })).toMatchObject({
      name: 'limitExceeded',
    });
    expect((await client.ask({ type: 'subscribe', id: 4, topic: 'app.a' })).type).toBe('subscribed');
    expect(await client.ask({ type: 'subscribe', id: 5, topic: 'app.b' })).toMatchObject({ name: 'limitExceeded' });
    expect((await client.ask({ type: 'unsubscribe', id: 6, topic: 'app.a' })).type).toBe('unsubscribed');
    expect((await client.ask({ type: 'ping', id: 7 })).type).toBe('pong');
    expect((await client.ask({ type: 'subscribe', id: 8, topic: 'app.b' })).type).toBe('subscribed');
  });

  it('lets a client that waits in line in when a handshake is over', async () => {
    const port = await open({ maxHandshakes: 1 });
    const first = await nativeClient(port);
    const waiting = nativeClient(port);
    expect((await first.ask({ type: 'ping', id: 1 })).type).toBe('pong');
    await first.ask({ type: 'connect', id: 2, token: token(systemClock) });
    const second = await waiting;
    expect((await second.ask({ type: 'connect', id: 1, token: token(systemClock) })).type).toBe('connected');
  });
});

/** Clients whose upgrade takes a millisecond each, and what became of them. */
function storm(options: { maxHandshakes?: number; maxWaiting?: number; maxConnections?: number } = {}) {
  const clock = new FakeClock();
  let elapsed = 0;
  const busy = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic() + elapsed,
    setTimer: (ms: number, fire: () => void) => clock.setTimer(Math.max(1, ms), fire),
  };
  const admission = new Admission({ clock: busy, random: seededRandom(1), maxConnections: 100_000, ...options });
  const entered: number[] = [];
  const refused: number[] = [];
  return {
    clock,
    admission,
    entered,
    refused,
    come: (count: number) => {
      for (let id = 0; id < count; id++) {
        admission.ask({
          enter: () => {
            entered.push(id);
            elapsed += 1;
            admission.entered();
          },
          refuse: (retryAfterMs) => refused.push(retryAfterMs),
        });
      }
    },
  };
}

describe('a storm of clients', () => {
  it('is taken in slices, in order, each let in once', async () => {
    const { admission, clock, come, entered, refused } = storm();
    come(200);
    expect(entered.length).toBeGreaterThan(0);
    expect(entered.length).toBeLessThan(20);
    expect(admission.waiting).toBe(200 - entered.length);
    await clock.advanceAsync(1);
    expect(entered.length).toBeLessThan(40);
    await clock.advanceAsync(100);
    expect(entered).toEqual(Array.from({ length: 200 }, (_, id) => id));
    expect(refused).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('waits for handshakes to end, without a timer meanwhile', async () => {
    const { admission, clock, come, entered } = storm({ maxHandshakes: 3 });
    come(5);
    await clock.advanceAsync(100);
    expect(entered).toEqual([0, 1, 2]);
    expect(clock.pendingTimers).toBe(0);
    admission.authenticated();
    admission.gone(true);
    await clock.advanceAsync(1);
    expect(entered).toEqual([0, 1, 2, 3, 4]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('that is longer than the line, or stands still, is sent away with times that differ', async () => {
    const { clock, come, refused } = storm({ maxHandshakes: 1, maxWaiting: 10 });
    come(61);
    expect(refused).toHaveLength(50);
    expect(new Set(refused).size).toBeGreaterThan(20);
    expect(Math.min(...refused)).toBeGreaterThanOrEqual(500);
    const still = storm({ maxHandshakes: 1 });
    still.come(2);
    await still.clock.advanceAsync(5000);
    still.come(1);
    expect(still.refused).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is sent away from the line when the gateway drains', () => {
    const { admission, clock, come, entered, refused } = storm({ maxHandshakes: 1 });
    come(10);
    admission.drain();
    expect([entered.length, refused.length, admission.waiting]).toEqual([1, 9, 0]);
    come(1);
    expect(refused).toHaveLength(10);
    expect(clock.pendingTimers).toBe(0);
  });

  it('never has more connections than there may be, those in line counted', () => {
    const { come, refused } = storm({ maxHandshakes: 1, maxConnections: 5 });
    come(10);
    expect(refused).toHaveLength(5);
  });
});
