import type { Peer } from '../peer.ts';
import { check, must, mustEqual } from '../suite.ts';
import type { Check } from '../suite.ts';

const COUNT = 20;

async function publish(peer: Peer, topic: string, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) await peer.askFor('published', { type: 'publish', topic, data: n });
}

const dataOf = (events: Awaited<ReturnType<Peer['events']>>): unknown[] => events.map(({ event }) => event.data);

export const recovery: readonly Check[] = [
  check({
    section: '5.2',
    what: 'from the position of an event: everything after it, in order, each once, then live events',
    run: async ({ connect, topic }) => {
      const [publisher, first] = [await connect(), await connect()];
      await first.askFor('subscribed', { type: 'subscribe', topic });
      await publish(publisher, topic, 0, COUNT);
      const position = (await first.events(COUNT))[4]?.position;
      await first.close();
      const again = await connect();
      const answer = await again.askFor('subscribed', { type: 'subscribe', topic, position });
      must(answer.recovered, 'recovered is false');
      await publish(publisher, topic, COUNT, COUNT + 3);
      const events = await again.events(COUNT - 5 + 3);
      mustEqual(
        dataOf(events),
        Array.from({ length: COUNT - 5 + 3 }, (_, n) => n + 5),
        'events',
      );
    },
  }),
  check({
    section: '5.2',
    what: 'from the position of `subscribed`: what came after it',
    run: async ({ connect, topic }) => {
      const [publisher, first] = [await connect(), await connect()];
      await publish(publisher, topic, 0, 2);
      const { position } = await first.askFor('subscribed', { type: 'subscribe', topic });
      await first.close();
      await publish(publisher, topic, 2, 5);
      const again = await connect();
      const answer = await again.askFor('subscribed', { type: 'subscribe', topic, position });
      must(answer.recovered, 'recovered is false');
      mustEqual(dataOf(await again.events(3)), [2, 3, 4], 'events');
    },
  }),
  check({
    section: '5.2',
    what: 'a resume while events are published: no gap, no duplicate',
    run: async ({ connect, topic }) => {
      const publisher = await connect();
      const { position } = await publisher.askFor('published', { type: 'publish', topic, data: -1 });
      const busy = publish(publisher, topic, 0, 100);
      const peer = await connect();
      await peer.askFor('subscribed', { type: 'subscribe', topic, position });
      await busy;
      mustEqual(
        dataOf(await peer.events(100)),
        Array.from({ length: 100 }, (_, n) => n),
        'events',
      );
    },
  }),
  check({
    section: '5.2',
    what: 'a resumed pattern gets what it matches and nothing else',
    run: async ({ connect, topic }) => {
      const publisher = await connect();
      const { position } = await publisher.askFor('published', { type: 'publish', topic, data: -1 });
      for (const tail of ['a.x', 'b.x', 'a.y', 'a.x.z']) await publish(publisher, `${topic}.${tail}`, 0, 2);
      const peer = await connect();
      await peer.askFor('subscribed', { type: 'subscribe', topic: `${topic}.a.*`, position });
      const events = await peer.events(4);
      mustEqual(
        events.map((event) => event.topic.slice(topic.length + 1)),
        ['a.x', 'a.x', 'a.y', 'a.y'],
        'topics',
      );
    },
  }),
  ...(['another epoch', 'a position that never was'] as const).map((what) =>
    check({
      section: '5.2',
      what: `${what} is answered with recovered: false, and delivery goes on live`,
      run: async ({ connect, topic }) => {
        const peer = await connect();
        await publish(peer, topic, 0, 2);
        const { position } = await peer.askFor('published', { type: 'publish', topic, data: 2 });
        const wrong =
          what === 'another epoch' ? { ...position, epoch: 'of-another-stream' } : { ...position, seq: 2 ** 50 };
        const answer = await peer.askFor('subscribed', { type: 'subscribe', topic, position: wrong });
        must(!answer.recovered, 'recovered is true');
        await publish(peer, topic, 3, 4);
        mustEqual(dataOf(await peer.events(1)), [3], 'events');
      },
    }),
  ),
];
