import { check, must, mustEqual } from '../suite.ts';
import type { Check } from '../suite.ts';

/** Wider than, or beside, what any token of the suite grants. */
const NOT_GRANTED = ['>', '*.>', '*.conformance', 'cluster.>', 'queues.*.entered'];
const BAD_TOPICS = ['app..x', '.app', 'app.', 'app.>.x', 'app.x*', 'app.=2', 'app.=zz'];

export const subscribing: readonly Check[] = [
  check({
    section: '4',
    what: 'topics and patterns that are not well-formed get badTopic',
    run: async ({ connect }) => {
      const peer = await connect();
      for (const topic of BAD_TOPICS) await peer.refused('badTopic', { type: 'subscribe', topic });
    },
  }),
  check({
    section: '4',
    what: 'characters are escaped by the server, in topics and in events',
    run: async ({ connect, topic }) => {
      const peer = await connect();
      const { topic: normal } = await peer.askFor('subscribed', { type: 'subscribe', topic: `${topic}.+1 2` });
      mustEqual(normal, `${topic}.=2B1=202`, 'normalised topic');
      await peer.askFor('published', { type: 'publish', topic: `${topic}.+1 2`, data: 1 });
      const [event] = await peer.events(1);
      mustEqual(event?.topic, normal, 'topic of the event');
    },
  }),
  check({
    section: '5.1',
    what: 'a pattern is granted only when everything it matches is granted',
    needsNoTopic: true,
    unless: ({ mayRead }) => (NOT_GRANTED.every(mayRead) ? 'the token grants everything' : undefined),
    run: async ({ connect, facts }) => {
      const peer = await connect();
      for (const topic of NOT_GRANTED.filter((one) => !facts.mayRead(one)))
        await peer.refused('notPermitted', { type: 'subscribe', topic });
    },
  }),
  check({
    section: '5.1',
    what: '`*` is exactly one token, `>` one or more',
    run: async ({ connect, topic }) => {
      const [one, rest, publisher] = [await connect(), await connect(), await connect()];
      await one.askFor('subscribed', { type: 'subscribe', topic: `${topic}.*.end` });
      await rest.askFor('subscribed', { type: 'subscribe', topic: `${topic}.a.>` });
      const topics = ['a.end', 'end', 'a.b.end', 'b.end', 'a.b', 'a'].map((tail) => `${topic}.${tail}`);
      for (const each of topics) await publisher.askFor('published', { type: 'publish', topic: each, data: null });
      for (const peer of [one, rest]) await peer.events(2);
      await rest.events(3);
      const seen = (peer: typeof one): string[] =>
        peer.received.flatMap((frame) => (frame.type === 'event' ? [frame.topic.slice(topic.length + 1)] : []));
      mustEqual(seen(one), ['a.end', 'b.end'], 'matched by *');
      mustEqual(seen(rest), ['a.end', 'a.b.end', 'a.b'], 'matched by >');
    },
  }),
  check({
    section: '5.1',
    what: 'a pattern can be subscribed once; `unsubscribe` wants one that is there',
    run: async ({ connect, topic }) => {
      const peer = await connect();
      await peer.askFor('subscribed', { type: 'subscribe', topic });
      await peer.refused('alreadySubscribed', { type: 'subscribe', topic });
      await peer.askFor('unsubscribed', { type: 'unsubscribe', topic });
      await peer.refused('notSubscribed', { type: 'unsubscribe', topic });
      await peer.askFor('subscribed', { type: 'subscribe', topic });
    },
  }),
  check({
    section: '5.1',
    what: 'an event that several patterns match comes once',
    run: async ({ connect, topic }) => {
      const peer = await connect();
      for (const tail of ['a', '*', '>']) {
        await peer.askFor('subscribed', { type: 'subscribe', topic: `${topic}.${tail}` });
      }
      for (let n = 0; n < 3; n++) await peer.askFor('published', { type: 'publish', topic: `${topic}.a`, data: n });
      const events = await peer.events(3);
      mustEqual(
        events.map(({ event }) => event.data),
        [0, 1, 2],
        'events',
      );
    },
  }),
  check({
    section: '5.1',
    what: 'after `unsubscribe` nothing of it comes, other subscriptions go on',
    run: async ({ connect, topic }) => {
      const peer = await connect();
      for (const tail of ['left', 'kept']) {
        await peer.askFor('subscribed', { type: 'subscribe', topic: `${topic}.${tail}` });
      }
      await peer.askFor('unsubscribed', { type: 'unsubscribe', topic: `${topic}.left` });
      await peer.askFor('published', { type: 'publish', topic: `${topic}.left`, data: 1 });
      await peer.askFor('published', { type: 'publish', topic: `${topic}.kept`, data: 2 });
      const events = await peer.events(1);
      mustEqual(
        events.map(({ event }) => event.data),
        [2],
        'events',
      );
    },
  }),
  check({
    section: '5.1',
    what: '`subscribed` comes before any event of the subscription',
    run: async ({ connect, topic }) => {
      const [peer, publisher] = [await connect(), await connect()];
      const busy = (async () => {
        for (let n = 0; n < 40; n++) await publisher.askFor('published', { type: 'publish', topic, data: n });
      })();
      await publisher.until('the first', ({ type }) => type === 'published');
      const subscribed = await peer.askFor('subscribed', { type: 'subscribe', topic });
      await busy;
      const answer = peer.received.indexOf(subscribed);
      const first = peer.received.findIndex(({ type }) => type === 'event');
      must(first === -1 || first > answer, 'an event came before subscribed');
      const seqs = peer.received.flatMap((frame) => (frame.type === 'event' ? [frame.position.seq] : []));
      must(
        seqs.every((seq) => seq > subscribed.position.seq),
        'an event at or before the position of subscribed came live',
      );
    },
  }),
];
