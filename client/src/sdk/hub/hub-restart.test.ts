import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { startHub } from '../testing/hub-process.ts';
import type { HubProcess } from '../testing/hub-process.ts';
import { HubClient } from './hub-client.ts';

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const release of cleanUp.splice(0).reverse()) await release();
});

/** One address in front of whichever hub there is. */
async function frontOf(current: () => HubProcess | undefined): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    const hub = current();
    if (hub === undefined) {
      from.destroy();
      return;
    }
    const to = connect(hub.port, '127.0.0.1');
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1/hub`;
}

it('EV-6 a hub that lost its events says so: the subscriber hears of a gap and goes on; what waited is published', async () => {
  let hub: HubProcess | undefined = await startHub();
  const url = await frontOf(() => hub);
  const token = async (): Promise<string> => {
    if (hub === undefined) throw new Error('no server');
    return hub.token('one');
  };
  const client = new HubClient({ url, token });
  const states: string[] = [];
  client.on('state', (state) => states.push(state));
  await client.connect();
  const seen: unknown[] = [];
  const subscription = client.subscribe('app.x', ({ data }) => seen.push(data));
  const gap = new Promise<string>((resolve) => {
    subscription.on('gap', ({ reason }) => {
      resolve(reason);
    });
  });
  await subscription.ready;
  await client.publish('app.x', 1);
  await expect.poll(() => seen).toEqual([1]);

  const lost = hub;
  hub = undefined;
  await lost[Symbol.asyncDispose]();
  await expect.poll(() => client.state).toBe('reconnecting');
  const waiting = client.publish('app.y', 'later');
  const next = await startHub(1);
  hub = next;
  cleanUp.push(() => Promise.resolve(next[Symbol.asyncDispose]()));
  expect(await gap).toBe('not-recovered');
  expect((await waiting).seq).toBeGreaterThan(0);
  await client.publish('app.x', 2);
  await expect.poll(() => seen).toEqual([1, 2]);
  expect(states).toEqual(['connecting', 'connected', 'reconnecting', 'connected']);
  client.close();
}, 40_000);
