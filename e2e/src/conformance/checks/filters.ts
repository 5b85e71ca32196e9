import type { Peer } from '../peer.ts';
import { check, mustEqual } from '../suite.ts';
import type { Check } from '../suite.ts';

/** Publishes one event of each type, its type as data. */
async function publish(peer: Peer, topic: string, ...types: string[]): Promise<void> {
  for (const event of types) await peer.askFor('published', { type: 'publish', topic, event, data: event });
}

const dataOf = (peer: Peer): unknown[] => peer.delivered.map(({ event }) => event.data);

export const filters: readonly Check[] = [
  check({
    section: '5.4',
    what: '`type` lets its values through, with `.*` whole families, and nothing else',
    run: async ({ connect, topic }) => {
      const [publisher, peer] = [await connect(), await connect()];
      const filter = { type: ['order.*', 'stock.low'] };
      await peer.askFor('subscribed', { type: 'subscribe', topic, filter });
      await publish(publisher, topic, 'order', 'orders.made', 'order.made', 'stock.high', 'stock.low', 'order.a.b');
      await peer.events(3);
      mustEqual(dataOf(peer), ['order.made', 'stock.low', 'order.a.b'], 'events');
    },
  }),
  check({
    section: '5.4',
    what: 'members are found in `data`, all given have to match, any of their values may',
    run: async ({ connect, topic }) => {
      const [publisher, peer] = [await connect(), await connect()];
      const filter = { number: ['+15550100', '+15550101'], queue: 'QU1' };
      await peer.askFor('subscribed', { type: 'subscribe', topic, filter });
      const all = [
        { n: 0, from: '+15550100' },
        { n: 1, from: '+15550100', queueSid: 'QU1' },
        { n: 2, to: '+15550101', queueSid: 'QU1' },
        { n: 3, number: '+15550102', queueSid: 'QU1' },
        { n: 4, number: '+15550101', queueSid: 'QU2' },
        { n: 5, number: '+15550101', queueSid: 'QU1' },
      ];
      for (const data of all) await publisher.askFor('published', { type: 'publish', topic, data });
      await peer.events(3);
      mustEqual(
        peer.delivered.map(({ event }) => (event.data as { n: number }).n),
        [1, 2, 5],
        'events',
      );
    },
  }),
  check({
    section: '5.4',
    what: 'a filter holds for the past as for what is live',
    run: async ({ connect, topic }) => {
      const [publisher, peer] = [await connect(), await connect()];
      await publish(publisher, topic, 'a.one', 'b.one', 'a.two');
      const wish = { type: 'subscribe', topic, rewind: { count: 100 }, filter: { type: 'a.*' } };
      await peer.askFor('subscribed', wish);
      await publish(publisher, topic, 'b.two', 'a.three');
      await peer.events(3);
      mustEqual(dataOf(peer), ['a.one', 'a.two', 'a.three'], 'events');
    },
  }),
  check({
    section: '5.4',
    what: 'an event comes when any of several overlapping subscriptions lets it through, and once',
    run: async ({ connect, topic }) => {
      const [publisher, peer] = [await connect(), await connect()];
      await peer.askFor('subscribed', { type: 'subscribe', topic: `${topic}.x`, filter: { type: 'a.*' } });
      await peer.askFor('subscribed', { type: 'subscribe', topic: `${topic}.*`, filter: { type: ['a.*', 'b.*'] } });
      await publish(publisher, `${topic}.x`, 'a.one', 'b.one', 'c.one', 'a.two');
      await peer.events(3);
      mustEqual(dataOf(peer), ['a.one', 'b.one', 'a.two'], 'events');
    },
  }),
  check({
    section: '5.4',
    what: '`{}` matches everything; unknown members are refused; a topic has one filter',
    run: async ({ connect, topic }) => {
      const peer = await connect();
      await peer.refused('badFrame', { type: 'subscribe', topic, filter: { colour: 'red' } });
      await peer.askFor('subscribed', { type: 'subscribe', topic, filter: {} });
      await peer.refused('alreadySubscribed', { type: 'subscribe', topic, filter: { type: 'a.*' } });
      await publish(peer, topic, 'a.one');
      await peer.events(1);
    },
  }),
  check({
    section: '5.6',
    what: 'a conflated subscription has the newest event in the end, in order, without a gap',
    run: async ({ connect, topic }) => {
      const [publisher, peer] = [await connect(), await connect()];
      await peer.askFor('subscribed', { type: 'subscribe', topic, conflate: true });
      for (let n = 0; n < 50; n++) publisher.send({ type: 'publish', id: 1000 + n, topic, data: n });
      await peer.until('the newest', (frame) => frame.type === 'event' && frame.event.data === 49);
      const seen = dataOf(peer) as number[];
      mustEqual(
        seen,
        seen.toSorted((a, b) => a - b),
        'order',
      );
      mustEqual(peer.received.filter(({ type }) => type === 'gap').length, 0, 'gaps');
    },
  }),
  check({
    section: '5.7',
    what: 'a client that reads nothing for a while gets everything in the end, in order, once; a gap says so',
    only: 'native',
    run: async ({ connect, topic }) => {
      const [publisher, peer] = [await connect(), await connect()];
      await peer.askFor('subscribed', { type: 'subscribe', topic });
      const letters = 'x'.repeat(31_000);
      const count = 400;
      peer.pause();
      for (let n = 0; n < count; n++) {
        await publisher.askFor('published', { type: 'publish', topic, data: { n, letters } });
      }
      peer.resume();
      const numbers = (): number[] => peer.delivered.map(({ event }) => (event.data as { n: number }).n);
      await peer.until('the last event', () => numbers().at(-1) === count - 1, 15_000);
      const once = [...new Set(numbers())];
      mustEqual(
        once,
        Array.from({ length: count }, (_, n) => n),
        'events',
      );
      const gaps = peer.received.flatMap((frame) => (frame.type === 'gap' ? [frame] : []));
      for (const gap of gaps) mustEqual([gap.topic, gap.recovered], [topic, true], 'gap');
    },
  }),
];
