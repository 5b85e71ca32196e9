import { DISCONNECTS } from '@hookswitch/shared';
import { check, must, mustEqual } from '../suite.ts';
import type { Check } from '../suite.ts';

const LETTERS = 'x'.repeat(30_000);
const EVENTS = 60;

export const heartbeat: readonly Check[] = [
  check({
    section: '7.2',
    what: 'a client that answered a numbered ping is held to it: what it may not have read stays bounded, and comes later',
    run: async ({ connect, topic }) => {
      const reader = await connect({ answersPings: false });
      const publisher = await connect();
      await reader.askFor('subscribed', { type: 'subscribe', topic });
      const numbered = (): number[] =>
        reader.received.flatMap((frame) => (frame.type === 'ping' && frame.n !== undefined ? [frame.n] : []));
      for (let n = 0; n < 8; n++) await publisher.askFor('published', { type: 'publish', topic, data: [n, LETTERS] });
      await reader.until('a ping with a number', () => numbered().length > 0);
      reader.send({ type: 'pong', n: numbered().at(-1) });
      for (let n = 8; n < EVENTS; n++)
        await publisher.askFor('published', { type: 'publish', topic, data: [n, LETTERS] });
      await publisher.settle();
      await reader.settle();
      must(reader.delivered.length < EVENTS - 10, `all but ${EVENTS - reader.delivered.length} events came unread`);
      const seen = (): number[] => reader.delivered.map(({ event }) => (event.data as [number])[0]);
      while (seen().at(-1) !== EVENTS - 1) {
        const count = reader.received.length;
        reader.send({ type: 'pong', n: numbered().at(-1) });
        // A ping may come alone, after the events that it stands for: it has to be answered before there is more.
        await reader.until(
          'more events or a ping',
          (frame) =>
            (frame.type === 'event' || (frame.type === 'ping' && frame.n !== undefined)) &&
            reader.received.indexOf(frame) >= count,
        );
      }
      mustEqual(
        seen(),
        Array.from({ length: EVENTS }, (_, n) => n),
        'events',
      );
    },
  }),
  check({
    section: '7.2',
    what: 'a client may ping too',
    needsNoTopic: true,
    run: async ({ connect }) => {
      await (await connect()).askFor('pong', { type: 'ping' });
    },
  }),
  check({
    section: '7.2',
    needsNoTopic: true,
    what: 'the server pings every heartbeatMs; a client that pongs stays',
    slow: true,
    run: async ({ open, token }) => {
      const peer = await open();
      const { heartbeatMs } = await peer.askFor('connected', { type: 'connect', token });
      const from = performance.now();
      const pings = (): number => peer.received.filter(({ type }) => type === 'ping').length;
      await peer.until('three pings', () => pings() >= 3, heartbeatMs * 3 + 5000);
      const each = (performance.now() - from) / 3;
      must(Math.abs(each - heartbeatMs) < heartbeatMs / 3, `a ping every ${Math.round(each)} ms, not ${heartbeatMs}`);
      await peer.askFor('pong', { type: 'ping' });
    },
  }),
  check({
    section: '7.2',
    needsNoTopic: true,
    what: 'a client that is silent for two intervals is closed, 4002',
    slow: true,
    run: async ({ open, token }) => {
      const peer = await open({ answersPings: false });
      const { heartbeatMs } = await peer.askFor('connected', { type: 'connect', token });
      mustEqual((await peer.end(heartbeatMs * 3 + 5000)).code, DISCONNECTS.heartbeat.code, 'close code');
    },
  }),
];
