import { describe, expect, it } from 'vitest';
import { DISCONNECTS, HUB_LIMITS } from '@hookswitch/shared';
import { FakeClock, settle } from '../kernel/clock.fake.ts';
import { createMetrics, seededRandom, silentLog } from '../kernel/index.ts';
import { ACCOUNT, KEY, SECRET, event, hubFixture, token } from '../hub/testing/fixtures.ts';
import { createGateway } from './index.ts';
import type { GatewayOptions } from './index.ts';
import { FakeTransport } from './testing/fake-transport.ts';

/** A gateway on a fake clock, and a connection to it. */
function fixture(options: Partial<GatewayOptions> = {}) {
  const clock = new FakeClock();
  const parts = hubFixture(clock, 0);
  const gateway = createGateway({
    hub: parts.hub,
    node: 'node-1',
    clock,
    random: seededRandom(1),
    logger: silentLog,
    metrics: createMetrics(),
    ...options,
  });
  const open = () => {
    const transport = new FakeTransport();
    const connection = gateway.accept(transport);
    return {
      transport,
      connection,
      send: async (frame: unknown) => {
        connection.received({ value: frame });
        await settle();
      },
    };
  };
  return {
    ...parts,
    clock,
    gateway,
    open,
    connected: async (ttlSeconds = 3600) => {
      const client = open();
      await client.send({ type: 'connect', id: 1, token: token(clock, { ttlSeconds, identity: 'alice' }) });
      expect(client.transport.of('connected')).toHaveLength(1);
      return client;
    },
    close: async () => {
      await parts.hub.close();
      expect(gateway.connections).toBe(0);
      expect(clock.pendingTimers).toBe(0);
    },
  };
}

const HEARTBEAT = HUB_LIMITS.heartbeatMs;

describe('heartbeat', () => {
  it('pings, and closes a client that stays silent for two intervals', async () => {
    const f = fixture();
    const { transport, connection } = await f.connected();
    await f.clock.advanceAsync(HEARTBEAT);
    expect(transport.of('ping')).toHaveLength(1);
    expect(transport.closedWith).toBeUndefined();
    await f.clock.advanceAsync(HEARTBEAT);
    expect(transport.closedWith).toBe(DISCONNECTS.heartbeat.code);
    expect(transport.of('disconnect')).toMatchObject([{ code: DISCONNECTS.heartbeat.code }]);
    await f.clock.advanceAsync(10_000);
    expect(transport.terminated).toBe(true);
    connection.closed('test');
    await f.close();
  });

  it('any frame counts as a sign of life, a pong as well as a bad one', async () => {
    const f = fixture();
    const { transport, connection, send } = await f.connected();
    for (let n = 0; n < 8; n++) {
      await f.clock.advanceAsync(HEARTBEAT);
      await send(n % 2 === 0 ? { type: 'pong' } : { type: 'nonsense' });
    }
    expect(transport.of('ping')).toHaveLength(8);
    expect(transport.closedWith).toBeUndefined();
    connection.closed('test');
    await f.close();
  });

  it('does not hold a stall of its own process against the clients', async () => {
    const f = fixture();
    const { transport, connection, send } = await f.connected();
    const stalled = f.clock.monotonic.bind(f.clock);
    f.clock.monotonic = () => stalled() + 5 * HEARTBEAT;
    await f.clock.advanceAsync(HEARTBEAT);
    expect(transport.closedWith).toBeUndefined();
    await send({ type: 'pong' });
    await f.clock.advanceAsync(HEARTBEAT);
    expect(transport.closedWith).toBeUndefined();
    await f.clock.advanceAsync(2 * HEARTBEAT);
    expect(transport.closedWith).toBe(DISCONNECTS.heartbeat.code);
    connection.closed('test');
    f.clock.monotonic = stalled;
    await f.close();
  });
});

describe('handshake and token life', () => {
  it('closes a client that does not connect in time', async () => {
    const f = fixture();
    const { transport, connection } = f.open();
    await f.clock.advanceAsync(HUB_LIMITS.handshakeMs);
    expect(transport.closedWith).toBe(DISCONNECTS.handshakeTimeout.code);
    connection.closed('test');
    await f.close();
  });

  it('BR-1 warns 60 s before the token expires and ends everything when it does', async () => {
    const f = fixture();
    const { transport, connection, send } = await f.connected(300);
    await send({ type: 'subscribe', id: 2, topic: 'app.>' });
    const step = async (ms: number) => {
      for (let left = ms; left > 0; left -= HEARTBEAT) {
        await f.clock.advanceAsync(Math.min(left, HEARTBEAT));
        await send({ type: 'pong' });
      }
    };
    await step(239_000);
    expect(transport.of('token-will-expire')).toEqual([]);
    await step(1000);
    expect(transport.of('token-will-expire')).toHaveLength(1);
    await step(59_999);
    expect(transport.closedWith).toBeUndefined();
    await f.clock.advanceAsync(1);
    expect(transport.closedWith).toBe(DISCONNECTS.tokenExpired.code);
    await f.hub.publish(ACCOUNT, 'app.a', event());
    await settle();
    expect(transport.of('event')).toEqual([]);
    connection.closed('test');
    await f.clock.advanceAsync(1000);
    expect(f.log.subscriptions).toBe(0);
    await f.close();
  });

  it('a refresh moves the end', async () => {
    const f = fixture({ rules: { heartbeatMs: 10 * 3_600_000 } });
    const { transport, connection, send } = await f.connected(300);
    await f.clock.advanceAsync(250_000);
    await send({ type: 'refresh', id: 3, token: token(f.clock, { identity: 'alice', ttlSeconds: 600 }) });
    expect(transport.of('refreshed')).toHaveLength(1);
    await f.clock.advanceAsync(539_999);
    expect(transport.of('token-will-expire')).toHaveLength(1);
    await f.clock.advanceAsync(60_000);
    expect(transport.closedWith).toBeUndefined();
    await f.clock.advanceAsync(1);
    expect(transport.closedWith).toBe(DISCONNECTS.tokenExpired.code);
    connection.closed('test');
    await f.close();
  });

  it('frames behind connect wait for the token, a flood of them ends the connection', async () => {
    const pending = Promise.withResolvers<{ secret: string; accountSid: string; accountActive: boolean }>();
    const f = fixture();
    f.keys.apiKey = () => pending.promise as never;
    const { transport, connection } = f.open();
    connection.received({ value: { type: 'connect', id: 1, token: token(f.clock) } });
    connection.received({ value: { type: 'subscribe', id: 2, topic: 'app.>' } });
    await settle();
    expect(transport.frames).toEqual([]);
    for (let n = 0; n < 1001; n++) connection.received({ value: { type: 'ping', id: n } });
    expect(transport.closedWith).toBe(DISCONNECTS.overloaded.code);
    pending.resolve({ secret: SECRET, accountSid: ACCOUNT, accountActive: true });
    await settle();
    expect(transport.of('connected')).toEqual([]);
    connection.closed('test');
    await f.close();
  });
});

describe('gateway', () => {
  it('drains: sends everybody away with a hint, spread out, and takes nobody new', async () => {
    const f = fixture();
    const clients: Awaited<ReturnType<typeof f.connected>>[] = [];
    for (let n = 0; n < 40; n++) {
      clients.push(await f.connected());
      await f.clock.advanceAsync(10);
    }
    const drained = f.gateway.drain({ spreadMs: 2000, deadlineMs: 5000 });
    const left = () => clients.filter(({ transport }) => transport.closedWith === undefined).length;
    expect(left()).toBe(38);
    const late = f.open();
    expect(late.transport.closedWith).toBe(DISCONNECTS.shutdown.code);
    await f.clock.advanceAsync(1000);
    expect(left()).toBeGreaterThan(10);
    await f.clock.advanceAsync(1000);
    expect(left()).toBe(0);
    const hints = clients.map(({ transport }) => transport.of('disconnect')[0]?.retryAfterMs ?? -1);
    expect(Math.min(...hints)).toBeGreaterThanOrEqual(0);
    expect(new Set(hints).size).toBeGreaterThan(20);
    for (const { connection } of clients) connection.closed('test');
    await drained;
    await f.close();
  });

  it('turns clients away when there are too many, with a hint', async () => {
    const f = fixture({ maxConnections: 1 });
    const { connection } = await f.connected();
    const second = f.open();
    expect(second.transport.closedWith).toBe(DISCONNECTS.overloaded.code);
    expect(second.transport.of('disconnect')[0]?.retryAfterMs).toBeGreaterThanOrEqual(0);
    connection.closed('test');
    await f.close();
  });

  it('ends the connections of a revoked key', async () => {
    const f = fixture();
    const one = await f.connected();
    expect(f.gateway.disconnect((grants) => grants?.keySid === KEY, 'tokenRevoked')).toBe(1);
    expect(one.transport.closedWith).toBe(DISCONNECTS.tokenRevoked.code);
    one.connection.closed('test');
    await f.close();
  });

  it('answers unavailable while the log is not connected, and works again after', async () => {
    const f = fixture();
    const { transport, connection, send } = await f.connected();
    f.log.loseConnection();
    await send({ type: 'subscribe', id: 2, topic: 'app.>' });
    await send({ type: 'publish', id: 3, topic: 'app.a', data: 1 });
    expect(transport.of('error')).toMatchObject([
      { id: 2, name: 'unavailable', temporary: true },
      { id: 3, name: 'unavailable', temporary: true },
    ]);
    f.log.regainConnection();
    await send({ type: 'subscribe', id: 4, topic: 'app.>' });
    await send({ type: 'publish', id: 5, topic: 'app.a', data: 1 });
    expect(transport.of('event')).toHaveLength(1);
    connection.closed('test');
    await f.clock.advanceAsync(1000);
    await f.close();
  });
});
