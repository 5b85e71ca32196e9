import { randomBytes } from 'node:crypto';
import { HUB_LIMITS } from '@hookswitch/shared';
import { check, must, mustEqual } from '../suite.ts';
import type { Check } from '../suite.ts';

const DATA: readonly unknown[] = [null, true, 0, -1.5e-7, '', 'Grüße 🙂 \u0000 \u2028', [], {}, [[1], { a: [null] }]];

export const publishing: readonly Check[] = [
  check({
    section: '6',
    what: 'an event reaches every subscriber with its envelope, the publisher too',
    run: async ({ connect, topic }) => {
      const [publisher, other] = [await connect(), await connect()];
      for (const peer of [publisher, other]) await peer.askFor('subscribed', { type: 'subscribe', topic });
      const eventId = `conformance-${randomBytes(4).toString('hex')}`;
      const wish = { type: 'publish', topic, event: 'order.created', data: { order: 17 }, eventId };
      const answer = await publisher.askFor('published', wish);
      mustEqual(answer.eventId, eventId, 'eventId');
      for (const peer of [publisher, other]) {
        const [delivered] = await peer.events(1);
        mustEqual(delivered?.position, answer.position, 'position');
        mustEqual(delivered?.topic, topic, 'topic');
        const { type, data, id } = delivered?.event ?? {};
        mustEqual([type, data, id], ['order.created', { order: 17 }, eventId], 'type, data and id');
      }
    },
  }),
  check({
    section: '6',
    what: 'without `event` and `eventId` the server names them',
    run: async ({ connect, topic }) => {
      const peer = await connect();
      await peer.askFor('subscribed', { type: 'subscribe', topic });
      const { eventId } = await peer.askFor('published', { type: 'publish', topic, data: 'hello' });
      const [delivered] = await peer.events(1);
      mustEqual([delivered?.event.type, delivered?.event.id], ['app.message', eventId], 'type and id');
    },
  }),
  check({
    section: '6',
    what: 'any JSON arrives as it was sent',
    run: async ({ connect, topic }) => {
      const peer = await connect();
      await peer.askFor('subscribed', { type: 'subscribe', topic });
      for (const data of DATA) await peer.askFor('published', { type: 'publish', topic, data });
      const events = await peer.events(DATA.length);
      mustEqual(
        events.map(({ event }) => event.data),
        DATA,
        'data',
      );
    },
  }),
  check({
    section: '6',
    what: 'the same `eventId` again stores nothing and gives the first position',
    run: async ({ connect, topic }) => {
      const peer = await connect();
      await peer.askFor('subscribed', { type: 'subscribe', topic });
      const wish = { type: 'publish', topic, data: 1, eventId: `twice-${randomBytes(4).toString('hex')}` };
      const first = await peer.askFor('published', wish);
      const second = await peer.askFor('published', wish);
      mustEqual(second.position, first.position, 'position');
      await peer.askFor('published', { type: 'publish', topic, data: 2 });
      const events = await peer.events(2);
      mustEqual(
        events.map(({ event }) => event.data),
        [1, 2],
        'events',
      );
    },
  }),
  check({
    section: '6',
    what: 'positions rise strictly, in the order of publishing',
    run: async ({ connect, topic }) => {
      const [publisher, peer] = [await connect(), await connect()];
      await peer.askFor('subscribed', { type: 'subscribe', topic: `${topic}.>` });
      const count = 100;
      const ids = Array.from({ length: count }, (_, n) => 1000 + n);
      for (const id of ids) publisher.send({ type: 'publish', id, topic: `${topic}.${id % 3}`, data: id });
      const events = await peer.events(count);
      mustEqual(
        events.map(({ event }) => event.data),
        ids,
        'order',
      );
      const epochs = new Set(events.map(({ position }) => position.epoch));
      must(epochs.size === 1, `positions of ${epochs.size} epochs`);
      const rises = events.every(({ position }, at) => at === 0 || position.seq > (events[at - 1]?.position.seq ?? 0));
      must(rises, 'a position did not rise');
    },
  }),
  check({
    section: '6',
    what: 'publishing elsewhere than under app., or on a pattern, is refused',
    run: async ({ connect, topic }) => {
      const peer = await connect();
      const refuse = (name: string, to: string): Promise<unknown> =>
        peer.refused(name, { type: 'publish', topic: to, data: 1 });
      await refuse('notPermitted', `calls.CA${'0'.repeat(32)}.ended`);
      await refuse('notPermitted', 'clients.alice.incoming');
      await refuse('badTopic', `${topic}.*`);
      await refuse('badTopic', `${topic}.>`);
    },
  }),
  check({
    section: '7.5',
    what: 'data beyond 32 KiB is payloadTooLarge, and the connection stays',
    run: async ({ connect, topic }) => {
      const peer = await connect();
      const data = 'x'.repeat(HUB_LIMITS.maxPublishBytes + 1);
      await peer.refused('payloadTooLarge', { type: 'publish', topic, data });
      await peer.askFor('published', { type: 'publish', topic, data: data.slice(0, 30_000) });
    },
  }),
];
