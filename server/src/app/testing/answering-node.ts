/**
 * SIP, media, bridge and call router of one node as a program, with an application inside the process that answers every call
 * and waits: for load tests. Events go to a counter, there is no bus. Prints one line of JSON with its port; then one line
 * of counters for each line that it reads.
 */
import { createBridgeHost } from '../../bridge/index.ts';
import { MemoryRpcNetwork } from '../../bridge/node-rpc.memory.ts';
import { FakeTrunks, aTrunk } from '../../bridge/testing/trunks.fake.ts';
import { MemoryRegistrations } from '../../bridge/registrations.memory.ts';
import { NodeCallRouter } from '../../calls/index.ts';
import type { CallDirectory } from '../../calls/ports.ts';
import { silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { createMediaEngine } from '../../media/engine.mediasoup.ts';
import { encodeWav } from '../../media/index.ts';
import { createUserAgent, openUdpTransport } from '../../sip/index.ts';
import { answerLines } from '../../testing/answer-lines.ts';

const ACCOUNT = `AC${'0'.repeat(32)}`;
const APPLICATION = `AP${'0'.repeat(32)}`;
const TRUNK = `TK${'0'.repeat(32)}`;
const DOCUMENT = '<Response><Play loop="0">/tone.wav</Play></Response>';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };
const directory: CallDirectory = {
  accountActive: () => true,
  number: (accountSid) => ({ accountSid, applicationSid: APPLICATION }),
  application: () => ({
    applicationSid: APPLICATION,
    voice: { url: 'http://127.0.0.1/voice', method: 'POST' },
    fallback: undefined,
    statusCallback: undefined,
  }),
};
const SECOND = 8000;
const wav = encodeWav(new Int16Array(SECOND));

let events = 0;
const sink = {
  emit: (event: object) => {
    // What the outbox would pay for writing it.
    if (JSON.stringify(event).length > 0) events++;
  },
};
const media = await createMediaEngine({ ...parts, workers: 1 });
const transport = await openUdpTransport({ log: silentLog });
const host = createBridgeHost({
  ...parts,
  media,
  events: sink,
  registrations: new MemoryRegistrations(),
  rpc: new MemoryRpcNetwork(silentLog).node('node'),
  trunks: new FakeTrunks(aTrunk({ sid: TRUNK, accountSid: ACCOUNT, allow: ['127.0.0.0/8', '::1/128'], gateways: [] })),
  sipAddress: '127.0.0.1',
});
const router = new NodeCallRouter({
  ...parts,
  legs: host.legs,
  events: sink,
  directory,
  instructions: {
    fetch: ({ url }) =>
      Promise.resolve({ ok: true, url, status: 200, contentType: 'text/xml', body: DOCUMENT, durationMs: 0 }),
  },
  prompts: { say: () => Promise.resolve({ ok: true, wav }), fetch: () => Promise.resolve({ ok: true, wav }) },
  callbacks: { send: () => undefined },
});
const userAgent = createUserAgent({ ...parts, transport, handlers: host.sipHandlers, overload: {} });
host.start({ router, userAgent });

await answerLines({ port: transport.local.port }, () => {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const timers = resources.filter((kind) => kind === 'Timeout').length;
  const sockets = resources.filter((kind) => kind === 'UDPWRAP' || kind === 'TCPSocketWrap').length;
  const rooms = media.workers.reduce((sum, worker) => sum + worker.rooms, 0);
  const live = router.activeCalls().length;
  return { ...userAgent.stats, transport: transport.stats, events, live, rooms, heapUsed, rss, timers, sockets };
});
host.close();
userAgent.close();
await transport.close();
await media.close();
