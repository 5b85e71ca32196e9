import { check, mustEqual } from '../suite.ts';
import type { Check } from '../suite.ts';
import { mustDisconnect } from './connecting.ts';

export const socketio: readonly Check[] = [
  check({
    section: '8',
    what: '`auth: {token}` in the handshake is a `connect` with id 0',
    only: 'socketio',
    needsNoTopic: true,
    run: async ({ openSocketIo, token }) => {
      const peer = await openSocketIo(['websocket'], { token });
      mustEqual((await peer.answerTo(0)).type, 'connected', 'answer');
      await peer.settle();
    },
  }),
  check({
    section: '8',
    what: 'a bad token in the handshake is refused as one in `connect` is, 4102',
    only: 'socketio',
    needsNoTopic: true,
    run: async ({ openSocketIo }) => {
      await mustDisconnect(await openSocketIo(['websocket'], { token: 'garbage' }), 4102);
    },
  }),
  ...(
    [
      ['long-polling', ['polling']],
      ['long-polling and then WebSocket', ['polling', 'websocket']],
    ] as const
  ).map(([how, transports]) =>
    check({
      section: '8',
      what: `events over ${how}: every one, once, in order`,
      only: 'socketio',
      run: async ({ openSocketIo, token, connect, topic }) => {
        const [peer, publisher] = [await openSocketIo(transports, { token }), await connect()];
        await peer.answerTo(0);
        await peer.askFor('subscribed', { type: 'subscribe', topic });
        const count = 60;
        for (let n = 0; n < count; n++) await publisher.askFor('published', { type: 'publish', topic, data: n });
        const events = await peer.events(count);
        mustEqual(
          events.map(({ event }) => event.data),
          Array.from({ length: count }, (_, n) => n),
          'events',
        );
      },
    }),
  ),
];
