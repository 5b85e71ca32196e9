import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DISCONNECTS } from '@hookswitch/shared';
import { Bus, EventStreams } from '../bus/index.ts';
import { startTestNats } from '../bus/testing/test-nats.ts';
import type { TestNats } from '../bus/testing/test-nats.ts';
import { createGateway } from '../gateway/index.ts';
import { listenSocketIo } from '../gateway/listener.socketio.ts';
import { listenWebSocket } from '../gateway/listener.ws.ts';
import { TRANSPORTS } from '../gateway/testing/clients.ts';
import type { TestClient } from '../gateway/testing/clients.ts';
import { NatsEventLog } from '../hub/event-log.nats.ts';
import { createHub, issueToken, newRevocation } from '../hub/index.ts';
import { NatsRevocationStore } from '../hub/revocation-store.nats.ts';
import { event } from '../hub/testing/fixtures.ts';
import { Scope, createMetrics, delay, silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { SecretBox, TenantStore } from '../tenants/index.ts';
import type { Directory } from '../tenants/index.ts';
import { MemoryTenantMirror } from '../tenants/mirror.memory.ts';
import { MemoryTenantRepository } from '../tenants/repository.memory.ts';
import { keySource } from './open-tokens.ts';

const parts = { clock: systemClock, random: systemRandom };

/** Hub and gateway of one process of a cluster, on a free port. */
async function gatewayNode(url: string, directory: Directory, node: string) {
  const scope = new Scope(node);
  const opened = <T>(value: T, close: (value: T) => unknown): T => {
    scope.defer(async () => {
      await close(value);
    });
    return value;
  };
  const bus = opened(await Bus.connect({ url, name: node, log: silentLog, ...parts }), (one) => one.close());
  const streams = opened(await EventStreams.open(bus), (one) => {
    one.close();
  });
  const log = opened(new NatsEventLog({ bus, streams }), (one) => one.close());
  const revocations = opened(await NatsRevocationStore.open({ bus, clock: systemClock, log: silentLog }), (one) => {
    one.close();
  });
  const shared = { clock: systemClock, logger: silentLog, metrics: createMetrics() };
  const hub = opened(createHub({ log, keys: keySource(directory), revocations, ...shared }), (one) => one.close());
  const gateway = opened(createGateway({ hub, node, random: systemRandom, ...shared }), (one) =>
    one.drain({ spreadMs: 0, deadlineMs: 500 }),
  );
  const server = createServer();
  for (const listen of [listenWebSocket, listenSocketIo]) {
    opened(listen({ server, gateway, logger: silentLog }), (one) => one.close());
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    hub,
    gateway,
    revocations,
    port: (server.address() as AddressInfo).port,
    close: () => scope.close('owner-closed'),
  };
}
type Node = Awaited<ReturnType<typeof gatewayNode>>;

let nats: TestNats;
let here: Node;
let there: Node;
let store: TenantStore;
beforeAll(async () => {
  nats = await startTestNats();
  const secrets = new SecretBox(new Uint8Array(32).fill(7), systemRandom);
  const mirror = new MemoryTenantMirror({ secrets, log: silentLog });
  store = new TenantStore({ repository: new MemoryTenantRepository(), mirror, secrets, ...parts });
  here = await gatewayNode(nats.nats.url, mirror.directory, 'here');
  there = await gatewayNode(nats.nats.url, mirror.directory, 'there');
});
afterAll(async () => {
  await here.close();
  await there.close();
  await nats.close();
});

interface Tenant {
  readonly accountSid: string;
  readonly keySid: string;
  readonly token: (identity: string) => string;
}

async function tenant(ownerSid: string | null = null): Promise<Tenant> {
  const { account } = await store.createAccount('tenant', ownerSid);
  const { key, secret } = await store.createKey(account.sid, 'key');
  const accountSid = account.sid;
  const hub = { subscribe: ['>'], publish: ['app.>'] };
  const token = (identity: string): string =>
    issueToken({ accountSid, keySid: key.sid, secret, identity, hub }, systemClock, systemRandom);
  return { accountSid, keySid: key.sid, token };
}

const jtiOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }).jti;

async function connected(connect: (port: number) => Promise<TestClient>, port: number, token: string) {
  const client = await connect(port);
  expect(await client.ask({ type: 'connect', id: 1, token })).toMatchObject({ type: 'connected' });
  expect(await client.ask({ type: 'subscribe', id: 2, topic: 'app.>' })).toMatchObject({ type: 'subscribed' });
  return client;
}

/** How each client was sent away, and how long after `since` the last one was. */
async function sentAway(clients: readonly TestClient[], since: number): Promise<{ codes: number[]; ms: number }> {
  const codes = await Promise.all(clients.map(async (client) => (await client.next('disconnect')).code));
  return { codes, ms: systemClock.monotonic() - since };
}

/** Tokens say when they were made in whole seconds: one made after this is newer than whatever was revoked before. */
async function nextSecond(): Promise<void> {
  await delay(systemClock, 1000 - (systemClock.now() % 1000) + 20);
}

describe.concurrent.each(Object.entries(TRANSPORTS))(
  'EV-4 tokens that end before their time, two gateways: %s',
  (_name, connect) => {
    it.each(['token', 'identity', 'key', 'account'] as const)(
      'by %s: live connections of both end within two seconds, nothing comes through after, others go on',
      async (kind) => {
        const mine = await tenant();
        const others = await tenant();
        const token = mine.token('alice');
        const hit = [await connected(connect, here.port, token), await connected(connect, there.port, token)];
        const spared = [await connected(connect, there.port, others.token('alice'))];
        if (kind === 'token' || kind === 'identity') {
          spared.push(await connected(connect, there.port, mine.token(kind === 'token' ? 'alice' : 'bob')));
        }
        await nextSecond();
        const value = { token: jtiOf(token), identity: 'alice', key: mine.keySid, account: mine.accountSid }[kind];
        const since = systemClock.monotonic();
        await here.revocations.add(newRevocation({ accountSid: mine.accountSid, kind, value }, systemClock));
        const away = await sentAway(hit, since);
        expect(away.codes).toEqual([DISCONNECTS.tokenRevoked.code, DISCONNECTS.tokenRevoked.code]);
        expect(away.ms).toBeLessThan(2000);
        await here.hub.publish(mine.accountSid, 'app.x', event('secret', undefined, mine.accountSid));
        await here.hub.publish(others.accountSid, 'app.x', event('theirs', undefined, others.accountSid));
        for (const client of spared) await client.eventCount(1);
        for (const client of hit) expect(client.events()).toEqual([]);
        for (const { port } of [here, there]) {
          const again = await connect(port);
          expect(await again.ask({ type: 'connect', id: 1, token })).toMatchObject({ name: 'tokenRevoked' });
          expect(await again.next('disconnect')).toMatchObject({ code: DISCONNECTS.tokenRevoked.code });
        }
        // A token made since is good.
        await nextSecond();
        spared.push(await connected(connect, there.port, mine.token('alice')));
        for (const client of spared) {
          expect(await client.ask({ type: 'ping', id: 9 })).toMatchObject({ type: 'pong' });
          await client.close();
        }
      },
    );

    it('a public key that is deleted ends the connections of its tokens, a rotated one goes on', async () => {
      const { accountSid } = await tenant();
      const pair = (): { kid: string; jwk: object; token: string } => {
        const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const kid = randomUUID();
        const claims = { sub: accountSid, grants: { hub: { subscribe: ['app.>'] } } };
        const token = jwt.sign(claims, privateKey, { algorithm: 'ES256', keyid: kid, expiresIn: 600 });
        return { kid, jwk: { ...publicKey.export({ format: 'jwk' }), kid }, token };
      };
      const [old, next] = [pair(), pair()];
      await store.publicKeys.replace(accountSid, { keys: [old.jwk, next.jwk] });
      const clients = [await connected(connect, here.port, old.token), await connected(connect, there.port, old.token)];
      const spared = await connected(connect, there.port, next.token);
      const since = systemClock.monotonic();
      await store.publicKeys.replace(accountSid, { keys: [next.jwk] });
      const away = await sentAway(clients, since);
      expect(away.codes).toEqual([DISCONNECTS.tokenRevoked.code, DISCONNECTS.tokenRevoked.code]);
      expect(away.ms).toBeLessThan(2000);
      expect(await spared.ask({ type: 'ping', id: 9 })).toMatchObject({ type: 'pong' });
      await spared.close();
    });

    it('a deleted key and a suspended account, or its owner, end live connections', async () => {
      const mine = await tenant();
      const child = await tenant(mine.accountSid);
      const { keySid: second } = await tenant();
      expect(second).not.toBe(mine.keySid);
      const clients = [
        await connected(connect, here.port, mine.token('alice')),
        await connected(connect, there.port, child.token('alice')),
      ];
      const since = systemClock.monotonic();
      await store.updateAccount(mine.accountSid, { status: 'suspended' });
      const away = await sentAway(clients, since);
      expect(away.codes).toEqual([DISCONNECTS.accountInactive.code, DISCONNECTS.accountInactive.code]);
      expect(away.ms).toBeLessThan(2000);
      const refused = await connect(there.port);
      expect(await refused.ask({ type: 'connect', id: 1, token: child.token('a') })).toMatchObject({
        name: 'accountInactive',
      });
      await store.updateAccount(mine.accountSid, { status: 'active' });
      const back = await connected(connect, there.port, mine.token('alice'));
      await store.deleteKey(mine.keySid);
      expect(await back.next('disconnect')).toMatchObject({ code: DISCONNECTS.tokenRevoked.code });
    });
  },
);
