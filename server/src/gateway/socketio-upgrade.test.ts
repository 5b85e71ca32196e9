import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { io } from 'socket.io-client';
import { SOCKETIO_EVENT, serverFrameSchema } from '@hookswitch/shared';
import { delay, systemClock } from '../kernel/index.ts';
import { ACCOUNT, event, token } from '../hub/testing/fixtures.ts';
import { gatewayFixture } from './testing/clients.ts';
import type { GatewayFixture } from './testing/clients.ts';

let fixture: GatewayFixture;
afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});

interface Upgrading {
  readonly seqs: readonly number[];
  /** How many events had come when the transport changed. */
  readonly upgradedAt: Promise<number>;
  reached(seq: number): Promise<void>;
  close(): void;
}

/** A socket.io-client as applications have it: it begins with polling and changes to WebSocket when it can. */
function upgradingClient(port: number): Upgrading {
  const socket = io(`http://127.0.0.1:${port}`, {
    forceNew: true,
    reconnection: false,
    auth: { token: token(systemClock) },
    transports: ['polling', 'websocket'],
  });
  const seqs: number[] = [];
  const upgraded = Promise.withResolvers<number>();
  const waiting: { seq: number; resolve: () => void }[] = [];
  socket.io.on('open', () => {
    socket.io.engine.on('upgrade', () => {
      upgraded.resolve(seqs.length);
    });
  });
  socket.on(SOCKETIO_EVENT, (value: unknown) => {
    const frame = serverFrameSchema.parse(value);
    if (frame.type === 'connected') socket.emit(SOCKETIO_EVENT, { type: 'subscribe', id: 1, topic: 'app.>' });
    if (frame.type === 'ping') socket.emit(SOCKETIO_EVENT, { type: 'pong', ...('n' in frame ? { n: frame.n } : {}) });
    if (frame.type !== 'event') return;
    seqs.push(frame.position.seq);
    for (const { seq, resolve } of waiting) if (frame.position.seq >= seq) resolve();
  });
  return {
    seqs,
    upgradedAt: upgraded.promise,
    reached: async (seq) => {
      if ((seqs.at(-1) ?? 0) < seq) await new Promise<void>((resolve) => waiting.push({ seq, resolve }));
    },
    close: () => {
      socket.disconnect();
    },
  };
}

/** A way to the server on which WebSocket upgrades wait, as they do over the Internet. */
async function slowUpgrades(port: number, upgrades: Promise<unknown>): Promise<{ port: number; close(): void }> {
  const proxy = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
    client.once('data', (first: Buffer) => {
      client.pause();
      void (first.includes('Upgrade: websocket') ? upgrades : Promise.resolve()).then(() => {
        server.write(first);
        client.pipe(server).pipe(client);
      });
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    port: (proxy.address() as AddressInfo).port,
    close: () => {
      proxy.close();
    },
  };
}

describe('Socket.IO clients that begin with polling', () => {
  it('EV-5 get every event once and in order while their transport changes under load', async () => {
    fixture = await gatewayFixture();
    // Nobody changes before everybody has events over polling: otherwise nothing would be shown.
    const underway = Promise.withResolvers<undefined>();
    const way = await slowUpgrades(fixture.port, underway.promise);
    const clients = Array.from({ length: 10 }, () => upgradingClient(way.port));
    void Promise.all(clients.map((client) => client.reached(1))).then(() => {
      underway.resolve(undefined);
    });
    // Published without a pause, from before they are there until well after the last of them has changed.
    let upgraded = 0;
    for (const client of clients) void client.upgradedAt.then(() => upgraded++);
    let published = 0;
    for (let after = 0; after < 100; after += upgraded === clients.length ? 1 : 0) {
      for (let burst = 0; burst < 3; burst++) await fixture.hub.publish(ACCOUNT, 'app.a', event(published++));
      await delay(systemClock, 1);
    }
    await Promise.all(clients.map((client) => client.reached(published)));
    for (const client of clients) {
      const first = client.seqs[0] ?? 0;
      expect(client.seqs).toEqual(Array.from({ length: published - first + 1 }, (_, at) => first + at));
      const changedAfter = await client.upgradedAt;
      expect(changedAfter).toBeGreaterThan(0);
      expect(changedAfter).toBeLessThan(client.seqs.length);
    }
    for (const client of clients) client.close();
    way.close();
  }, 30_000);
});
