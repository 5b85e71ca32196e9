import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startHub } from '../testing/hub-process.ts';
import type { HubProcess } from '../testing/hub-process.ts';
import { HubClient } from './hub-client.ts';
import type { HubOptions } from './hub-client.ts';
import type { Subscription } from './subscription.ts';
import type { WebSocketConstructor } from './transport.ts';

const { WebSocket: WsWebSocket } = createRequire(new URL('../../../../server/package.json', import.meta.url))('ws') as {
  WebSocket: WebSocketConstructor;
};

let hub: HubProcess;
beforeAll(async () => {
  hub = await startHub();
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
});

/** Its sockets can be cut. */
function client(identity: string, options: Partial<HubOptions> = {}): { hub: HubClient; cut: () => void } {
  const open = new Set<WebSocket>();
  class Recorded extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols);
      open.add(this);
    }
  }
  return {
    hub: new HubClient({ url: hub.url, token: () => hub.token(identity), WebSocket: Recorded, ...options }),
    cut: () => {
      for (const socket of open) socket.close();
      open.clear();
    },
  };
}

async function read(subscription: Subscription, count: number): Promise<unknown[]> {
  const seen: unknown[] = [];
  for await (const { event } of subscription) if (seen.push(event.data) === count) break;
  return seen;
}

describe('the client library and a real gateway', () => {
  it('EV-6 nothing is lost or doubled over lost connections, publisher and subscriber alike', async () => {
    const reader = client('reader');
    const writer = client('writer');
    await Promise.all([reader.hub.connect(), writer.hub.connect()]);
    const subscription = reader.hub.subscribe('app.numbers.>');
    await subscription.ready;
    const seen = read(subscription, 300);
    const stored: Promise<unknown>[] = [];
    for (let n = 0; n < 300; n++) {
      stored.push(writer.hub.publish(`app.numbers.${n % 7}`, n));
      if (n % 100 === 50) writer.cut();
      if (n % 100 === 80) {
        await Promise.all(stored);
        reader.cut();
      }
    }
    await Promise.all(stored);
    expect(((await seen) as number[]).sort((a, b) => a - b)).toEqual(stored.map((_, n) => n));
    reader.hub.close();
    writer.hub.close();
  });

  it('EV-6 rewind and position: the past comes first', async () => {
    const { hub: one } = client('one');
    await one.connect();
    const positions = [];
    for (const n of [1, 2, 3]) positions.push(await one.publish('app.past', n));
    expect(await read(one.subscribe('app.past', { rewind: { count: 2 } }), 2)).toEqual([2, 3]);
    const [position] = positions;
    expect(await read(one.subscribe('app.past', position === undefined ? {} : { position }), 2)).toEqual([2, 3]);
    one.close();
  });

  it('EV-3 overlapping subscriptions get what their filters let through, also when filters are added later', async () => {
    const { hub: one } = client('one');
    await one.connect();
    const seen: Record<string, unknown[]> = { a: [], ab: [], all: [] };
    const listen = (name: string, topic: string, type?: string[]): Subscription =>
      one.subscribe(topic, ({ data }) => seen[name]?.push(data), type === undefined ? {} : { filter: { type } });
    await listen('a', 'app.filtered', ['kind.a']).ready;
    await one.publish('app.filtered', 0, { type: 'kind.c' });
    await one.publish('app.filtered', 1, { type: 'kind.a' });
    const last = listen('all', 'app.filtered.>');
    await listen('ab', 'app.filtered', ['kind.a', 'kind.b']).ready;
    for (const [n, kind] of ['c', 'b', 'a'].entries())
      await one.publish('app.filtered', n + 2, { type: `kind.${kind}` });
    await last.ready;
    const done = last[Symbol.asyncIterator]().next();
    await one.publish('app.filtered.end', 5, { type: 'kind.c' });
    await done;
    expect(seen).toEqual({ a: [1, 4], ab: [3, 4], all: [5] });
    one.close();
  });

  it('BR-7 members of several gateways are one list, kept up to date, over a lost connection too', async () => {
    const alice = client('alice', { url: hub.url });
    const bob = client('bob', { url: hub.other });
    const watcher = client('carol', { url: [hub.url, hub.other] });
    await Promise.all([alice.hub.connect(), bob.hub.connect(), watcher.hub.connect()]);
    await alice.hub.subscribe('app.desk', { presence: { info: { free: true } } }).ready;
    const list = watcher.hub.members('app.desk');
    const names = (): unknown[] => list.members.map(({ identity }) => identity);
    const told: string[] = [];
    list.on('joined', ({ identity = '' }) => told.push(`${identity} joined`));
    list.on('left', ({ identity = '' }) => told.push(`${identity} left`));
    await list.ready;
    await vi.waitFor(() => {
      expect(names()).toEqual(['alice']);
    });
    const bobs = bob.hub.subscribe('app.desk', { presence: true });
    await vi.waitFor(() => {
      expect(names()).toEqual(['alice', 'bob']);
    });
    watcher.cut();
    bobs.unsubscribe();
    alice.hub.close();
    await vi.waitFor(() => {
      expect(names()).toEqual([]);
    });
    expect(told.sort()).toEqual(expect.arrayContaining(['alice left', 'bob joined', 'bob left']));
    list.close();
    for (const one of [bob, watcher]) one.hub.close();
  });

  it('BR-7 a list of members that the token does not allow says so', async () => {
    const { hub: one } = client('one', { token: () => hub.token('one', 3600, 'app.>') });
    await one.connect();
    await expect(one.members('app.desk').ready).rejects.toMatchObject({ name: 'notPermitted' });
    one.close();
  });

  it('EV-2 of several gateways the next is tried when one is not there', async () => {
    const { hub: one } = client('one', { url: ['ws://127.0.0.1:1/v1/hub', hub.other], random: () => 0 });
    await expect(one.connect()).resolves.toMatchObject({ node: 'node-2' });
    one.close();
  });

  it('BR-7 presence: members with their info, and they are gone with the connection', async () => {
    const alice = client('alice');
    const bob = client('bob');
    await Promise.all([alice.hub.connect(), bob.hub.connect()]);
    const subscription = alice.hub.subscribe('app.room', { presence: { info: { mood: 'fine' } } });
    await subscription.ready;
    const members = async (): Promise<unknown[]> =>
      (await bob.hub.presence('app.room')).members.map(({ identity, info }) => [identity, info]);
    await expect.poll(members).toEqual([['alice', { mood: 'fine' }]]);
    alice.hub.close();
    await expect.poll(members).toEqual([]);
    bob.hub.close();
  });

  it('a token that expires soon is replaced on the live connection when the server says so', async () => {
    const given: string[] = [];
    const { hub: one } = client('one', {
      token: async () => {
        const token = await hub.token('one', given.length === 0 ? 62 : 3600);
        given.push(token);
        return token;
      },
    });
    const { connection, expiresAt } = await one.connect();
    const subscription = one.subscribe('app.live');
    await expect.poll(() => one.info?.expiresAt, { timeout: 10_000 }).toBeGreaterThan(expiresAt + 60_000);
    expect(one.info?.connection).toBe(connection);
    expect(given).toHaveLength(2);
    const first = read(subscription, 1);
    await one.publish('app.live', 'still here');
    expect(await first).toEqual(['still here']);
    one.close();
  });

  it('EV-4 a new token that grants less ends the subscriptions it does not grant, and only those', async () => {
    const { hub: one } = client('one', { token: await hub.token('one') });
    await one.connect();
    const lost = one.subscribe('app.lost');
    const kept = one.subscribe('app.kept');
    await Promise.all([lost.ready, kept.ready]);
    const ended = new Promise<string>((resolve) => {
      lost.on('error', ({ name }) => {
        resolve(name);
      });
    });
    await one.updateToken(await hub.token('one', 3600, 'app.kept'));
    expect(await ended).toBe('notPermitted');
    const first = read(kept, 1);
    await one.publish('app.lost', 'not for us');
    await one.publish('app.kept', 'for us');
    expect(await first).toEqual(['for us']);
    expect(lost.isClosed).toBe(true);
    one.close();
  });

  it('works with the WebSocket of the package ws, for Node 20', async () => {
    const one = new HubClient({ url: hub.url, token: await hub.token('one'), WebSocket: WsWebSocket });
    await one.connect();
    const subscription = one.subscribe('app.ws');
    await subscription.ready;
    await one.publish('app.ws', { text: 'hello' });
    expect(await read(subscription, 1)).toEqual([{ text: 'hello' }]);
    const denied = one.subscribe('numbers.>');
    await expect(denied.ready).rejects.toMatchObject({ name: 'notPermitted', code: 120 });
    one.close();
  });
});
