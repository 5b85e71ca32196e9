/**
 * Hub and gateway of one node as a program, against a nats-server of its own choosing: for load tests. Everything is as
 * in the product but the directory of API keys, which knows one. Arguments: URL of NATS, then options of the gateway as
 * JSON. Prints its port, a token and the subject that publishers of `app.bench` write to; every line that it reads is
 * answered with counters.
 */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Bus, EventStreams, ingestSubject } from '../../bus/index.ts';
import { NatsEventLog } from '../../hub/event-log.nats.ts';
import { createHub, issueToken } from '../../hub/index.ts';
import { createMetrics, silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { createGateway } from '../index.ts';
import type { GatewayOptions } from '../index.ts';
import { listenSocketIo } from '../listener.socketio.ts';
import { listenWebSocket } from '../listener.ws.ts';
import { memoryFigures, obeyLines, watchLoop } from './peer.ts';

const ACCOUNT = `AC${'b'.repeat(32)}`;
const KEY = `SK${'b'.repeat(32)}`;
const SECRET = 'of-a-benchmark-that-leaves-nothing';
const TOPIC = 'app.bench';

const [url = '', options = '{}'] = process.argv.slice(2);
const parts = { clock: systemClock, random: systemRandom };
const metrics = createMetrics();
const bus = await Bus.connect({ url, name: 'bench', log: silentLog, ...parts });
const streams = await EventStreams.open(bus);
const log = new NatsEventLog({ bus, streams });
const key = { secret: SECRET, accountSid: ACCOUNT, accountActive: true };
const hub = createHub({
  log,
  keys: { apiKey: (sid) => (sid === KEY ? key : undefined) },
  logger: silentLog,
  metrics,
  clock: systemClock,
});
const gateway = createGateway({
  hub,
  node: 'bench',
  logger: silentLog,
  metrics,
  ...parts,
  ...(JSON.parse(options) as Partial<GatewayOptions>),
});
const server = createServer();
const listeners = [
  listenWebSocket({ server, gateway, logger: silentLog }),
  listenSocketIo({ server, gateway, logger: silentLog }),
];
server.listen(0, '127.0.0.1', 4096);
await once(server, 'listening');
const token = issueToken(
  { accountSid: ACCOUNT, keySid: KEY, secret: SECRET, ttlSeconds: 3600, hub: { subscribe: ['app.>'] } },
  systemClock,
  systemRandom,
);

const lag = watchLoop();
await obeyLines(
  {
    port: (server.address() as AddressInfo).port,
    token,
    topic: TOPIC,
    account: ACCOUNT,
    subject: ingestSubject(ACCOUNT, TOPIC, streams.shards),
  },
  (say, line) => {
    if (line === 'lag') say({ max_lag_ms: lag.longest() });
    else say({ ...memoryFigures(), connections: gateway.connections });
  },
);
for (const listener of listeners) await listener.close();
await hub.close();
await log.close();
streams.close();
await bus.close();
server.closeAllConnections();
server.close();
process.exit(0);
