/**
 * A user agent that answers every call, as a program: the SIP layer alone, for load tests. Prints one line of JSON with its
 * port; then one line of counters for each line that it reads. Run with --expose-gc to have the heap measured after a
 * collection.
 */
import { silentLog, systemClock, systemRandom } from '../../kernel/index.ts';
import { answerLines } from '../../testing/answer-lines.ts';
import { createSdpSession, createUserAgent, openUdpTransport } from '../index.ts';

const transport = await openUdpTransport({ log: silentLog });
let [answered, ended] = [0, 0];
const ends: Record<string, number> = {};
const agent = createUserAgent({
  transport,
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  overload: {},
  handlers: {
    authorize: () => ({ allow: true, context: undefined }),
    onInvite: (call) => {
      const sdp = createSdpSession({ address: '127.0.0.1', port: 40_000, codecs: ['PCMU', 'PCMA'] }, systemRandom);
      call.listen({
        onEnded: ({ cause }) => {
          ended++;
          ends[cause] = (ends[cause] ?? 0) + 1;
        },
      });
      call.ring();
      call.answer(call.remoteOffer === undefined ? sdp.createOffer() : sdp.answerOffer(call.remoteOffer).sdp);
      answered++;
    },
  },
});
await answerLines({ port: transport.local.port }, () => {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const timers = resources.filter((kind) => kind === 'Timeout').length;
  return { answered, ended, ends, ...agent.stats, transport: transport.stats, heapUsed, rss, timers };
});
agent.close();
await transport.close();
