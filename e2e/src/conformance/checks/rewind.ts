import type { Peer } from '../peer.ts';
import { check, must, mustEqual } from '../suite.ts';
import type { Check } from '../suite.ts';

async function publish(peer: Peer, topic: string, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) await peer.askFor('published', { type: 'publish', topic, data: n });
}

const dataOf = (peer: Peer): unknown[] => peer.delivered.map(({ event }) => event.data);

export const rewind: readonly Check[] = [
  check({
    section: '5.3',
    what: 'the newest `count` events come first, then live ones, each once; `start` says from where',
    run: async ({ connect, topic }) => {
      const [publisher, peer] = [await connect(), await connect()];
      await publish(publisher, topic, 0, 10);
      const answer = await peer.askFor('subscribed', { type: 'subscribe', topic, rewind: { count: 4 } });
      must(answer.recovered, 'recovered is false');
      await publish(publisher, topic, 10, 12);
      const events = await peer.events(6);
      mustEqual(dataOf(peer), [6, 7, 8, 9, 10, 11], 'events');
      const { start } = answer;
      must(start !== undefined, 'no start');
      must(
        events.every(({ position }) => position.seq > start.seq),
        'an event lies before start',
      );
    },
  }),
  check({
    section: '5.3',
    what: 'fewer than `count` are no loss, and none at all neither',
    run: async ({ connect, topic }) => {
      const [publisher, few, none] = [await connect(), await connect(), await connect()];
      await publish(publisher, topic, 0, 2);
      const answer = await few.askFor('subscribed', { type: 'subscribe', topic, rewind: { count: 1000 } });
      must(answer.recovered, 'recovered is false');
      await few.events(2);
      const empty = { type: 'subscribe', topic: `${topic}.nothing`, rewind: { count: 10 } };
      must((await none.askFor('subscribed', empty)).recovered, 'recovered is false without events');
      await publish(publisher, `${topic}.nothing`, 5, 6);
      await none.events(1);
      mustEqual([dataOf(few), dataOf(none)], [[0, 1], [5]], 'events');
    },
  }),
  check({
    section: '5.3',
    what: '`since` gives what was stored at or after that time; a time to come gives nothing of the past',
    run: async ({ connect, topic }) => {
      const publisher = await connect();
      await publish(publisher, topic, 0, 3);
      const [all, future] = [await connect(), await connect()];
      const since = (time: number): object => ({ type: 'subscribe', topic, rewind: { since: time } });
      await all.askFor('subscribed', since(Date.now() - 3_600_000));
      await future.askFor('subscribed', since(Date.now() + 3_600_000));
      await all.events(3);
      await publish(publisher, topic, 3, 4);
      await all.events(4);
      await future.events(1);
      mustEqual([dataOf(all), dataOf(future)], [[0, 1, 2, 3], [3]], 'events');
    },
  }),
  check({
    section: '5.3',
    what: 'beside a position that can be honoured it does nothing; beside another it says where it goes on',
    run: async ({ connect, topic }) => {
      const publisher = await connect();
      await publish(publisher, topic, 0, 3);
      const { position } = await publisher.askFor('published', { type: 'publish', topic, data: 3 });
      await publish(publisher, topic, 4, 6);
      const [known, lost] = [await connect(), await connect()];
      const rewinding = { type: 'subscribe', topic, rewind: { count: 1 } };
      must((await known.askFor('subscribed', { ...rewinding, position })).recovered, 'recovered is false');
      const foreign = { ...position, epoch: 'of-another-stream' };
      const answer = await lost.askFor('subscribed', { ...rewinding, position: foreign });
      must(!answer.recovered, 'recovered is true');
      must(answer.start !== undefined, 'no start');
      await known.events(2);
      await lost.events(1);
      mustEqual([dataOf(known), dataOf(lost)], [[4, 5], [5]], 'events');
    },
  }),
  check({
    section: '5.3',
    what: 'counts beyond 1 to 1000 and a rewind without a member are badFrame',
    run: async ({ connect, topic }) => {
      const peer = await connect();
      for (const bad of [{ count: 0 }, { count: 1001 }, {}, { since: -1 }, { count: 'ten' }]) {
        await peer.refused('badFrame', { type: 'subscribe', topic, rewind: bad });
      }
    },
  }),
];
