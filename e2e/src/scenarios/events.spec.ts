import { HUB_SUBPROTOCOL, SOCKETIO_EVENT } from '@hookswitch/shared';
import type { ServerFrame } from '@hookswitch/shared';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { PSTN_TONE, expect, pstnUri, test } from '../fixtures/test.ts';

/** The whole life of a PSTN call answered in a browser: type, and whether it is of the caller's leg or the browser's. */
const GOLDEN = [
  'parent call.initiated 0',
  'parent call.ringing 1',
  'parent call.instructions-requested 2',
  'parent call.instructions-received 3',
  'parent call.verb-started 4',
  'parent call.parked 5',
  'child call.initiated 0',
  'child call.ringing 1',
  'child call.answered 2',
  'parent call.answered 6',
  'parent call.merged 7',
  'child call.merged 3',
  'child call.ended 4',
  'parent call.verb-ended 8',
  'parent call.ended 9',
];

interface Collector {
  readonly rows: string[];
  take(event: { type: string; sequence?: number | undefined; data: unknown }): void;
  readonly done: Promise<void>;
}

function collector(): Collector {
  const rows: string[] = [];
  const done = Promise.withResolvers<void>();
  return {
    rows,
    done: done.promise,
    take: ({ type, sequence, data }) => {
      // Measurements and the log of requests are no steps of the call: they carry no sequence and come when they are due.
      if (['call.quality', 'call.silence', 'call.exchange'].includes(type)) return;
      const child = (data as { parentCallSid?: string }).parentCallSid !== undefined;
      rows.push(`${child ? 'child' : 'parent'} ${type} ${sequence ?? 'none'}`);
      if (type === 'call.ended' && !child) done.resolve();
    },
  };
}

test('EV-1 a plain NATS client, a WebSocket and a Socket.IO client each see the whole ordered sequence of a call', async ({
  server,
  agent,
  pstn,
  events,
  application,
}) => {
  const { gateway } = await server.state();
  const token = await server.token('watcher');
  application.answer(() => '<Dial answerOnBridge="true"><Client>alice</Client></Dial>');

  const onNats = await events();
  const onSocketIo = collector();
  const socket = io(gateway.socketio, {
    transports: ['websocket'],
    auth: { token },
    forceNew: true,
    reconnection: false,
  });
  const subscribed = new Promise<void>((resolve, reject) => {
    socket.on('connect_error', reject);
    socket.on(SOCKETIO_EVENT, (frame: ServerFrame) => {
      if (frame.type === 'connected') socket.emit(SOCKETIO_EVENT, { type: 'subscribe', id: 2, topic: 'calls.>' });
      else if (frame.type === 'subscribed') resolve();
      else if (frame.type === 'error') reject(new Error(frame.message));
      else if (frame.type === 'event') onSocketIo.take(frame.event);
    });
  });
  const onWebSocket = collector();
  const webSocket = new WebSocket(gateway.ws, HUB_SUBPROTOCOL);
  const webSocketSubscribed = new Promise<void>((resolve, reject) => {
    webSocket.on('error', reject);
    webSocket.on('open', () => {
      webSocket.send(JSON.stringify({ type: 'connect', id: 1, token }));
      webSocket.send(JSON.stringify({ type: 'subscribe', id: 2, topic: 'calls.>' }));
    });
    webSocket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString('utf8')) as ServerFrame;
      if (frame.type === 'subscribed') resolve();
      else if (frame.type === 'error') reject(new Error(frame.message));
      else if (frame.type === 'event') onWebSocket.take(frame.event);
    });
  });
  await Promise.all([subscribed, webSocketSubscribed]);

  const alice = await agent({ identity: 'alice' });
  const peer = await pstn();
  await peer.dial(await pstnUri(server, application.number));
  await alice.page.getByTestId('answer').click();
  await alice.waitToHear(PSTN_TONE);
  await onNats.waitFor('call.merged', (event) => event.data['parentCallSid'] !== undefined);
  await alice.page.getByTestId('hangup').click();
  await peer.event('CALL_CLOSED');
  await Promise.all([onSocketIo.done, onWebSocket.done]);
  socket.disconnect();
  webSocket.close();

  const ended = await onNats.waitFor('call.ended', (event) => event.data['parentCallSid'] === undefined);
  expect(ended.data['status']).toBe('completed');
  const nats = collector();
  for (const event of onNats.seen()) if (event.subject.includes('.calls.')) nats.take(event);
  expect(nats.rows).toEqual(GOLDEN);
  expect(onSocketIo.rows).toEqual(GOLDEN);
  expect(onWebSocket.rows).toEqual(GOLDEN);
});
