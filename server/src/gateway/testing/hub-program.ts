/**
 * Hub, gateway and presence of one node as a program without anything beside it, for tests of clients in other processes:
 * events are kept in memory. Prints `{port, other, tokens}`: the ports of the gateway, of a second one beside it (WebSocket
 * only), and of an HTTP server that gives out access
 * tokens for `?identity=NAME&ttl=SECONDS&subscribe=PATTERN` as the demo application does. Ends with its standard input.
 * Argument: how often its event stream was made anew, for the epoch of its positions.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { topicsOf } from '@hookswitch/shared';
import type { Hub } from '../../hub/index.ts';
import { NodePresence } from '../../hub/presence/index.ts';
import type { PresenceEvent } from '../../hub/presence/index.ts';
import { MemoryPresenceCluster } from '../../hub/presence/store.memory.ts';
import { event, hubFixture, token } from '../../hub/testing/fixtures.ts';
import { createMetrics, silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { createGateway } from '../index.ts';
import { listenWebSocket } from '../listener.ws.ts';
import { httpFixture } from '../http/testing/http-fixture.ts';
import { obeyLines } from './peer.ts';

const { promise: hub, resolve: opened } = Promise.withResolvers<Hub>();
const cluster = new MemoryPresenceCluster();
const metrics = createMetrics();
const common = { clock: systemClock, random: systemRandom };
const newPresence = (node: string): NodePresence =>
  new NodePresence({
    ...common,
    store: cluster.open(),
    events: { emit: (event) => void publish(event, node) },
    node,
    gate: () => 'open',
    log: silentLog,
    metrics: createMetrics(),
    limits: { windowMs: 5, settleMs: 5 },
  });

async function publish({ accountSid, type, subject, data, id, onSettled }: PresenceEvent, node: string): Promise<void> {
  for (const topic of topicsOf(type, data as never)) {
    const envelope = event(data, id, accountSid);
    await (await hub).publish(accountSid, topic, { ...envelope, type, subject, source: node });
  }
  onSettled('stored');
}

const presence = newPresence('node-1');
const events = hubFixture(systemClock, 0);
const fixture = await httpFixture({ hub: events.hub, gateway: { presence } });
opened(events.hub);
for (let left = Number(process.argv[2] ?? 0); left > 0; left--) events.log.recreate();

// A second gateway to the same events and members.
const otherPresence = newPresence('node-2');
const other = createGateway({
  ...common,
  hub: events.hub,
  node: 'node-2',
  logger: silentLog,
  metrics,
  presence: otherPresence,
});
const otherServer = createServer();
const otherListener = listenWebSocket({ server: otherServer, gateway: other, logger: silentLog });
otherServer.listen(0, '127.0.0.1');
await once(otherServer, 'listening');

const tokens = createServer((request, response) => {
  const query = new URL(request.url ?? '/', 'http://localhost').searchParams;
  const granted = query.getAll('subscribe');
  const hub = {
    subscribe: granted.length > 0 ? granted : ['calls.>', 'app.>', 'presence.app.>'],
    publish: ['app.>'],
    presence: ['app.>'],
  };
  const ttlSeconds = Number(query.get('ttl') ?? 3600);
  const made = token(systemClock, { identity: query.get('identity') ?? 'alice', hub, ttlSeconds });
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ token: made }));
});
tokens.listen(0, '127.0.0.1');
await once(tokens, 'listening');

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
await obeyLines({ port: fixture.port, other: portOf(otherServer), tokens: portOf(tokens) }, () => undefined);
tokens.closeAllConnections();
tokens.close();
await other.drain({ spreadMs: 0, deadlineMs: 1000 });
await otherListener.close();
otherServer.closeAllConnections();
otherServer.close();
await fixture[Symbol.asyncDispose]();
await events.hub.close();
await events.log.close();
await presence.close();
await otherPresence.close();
