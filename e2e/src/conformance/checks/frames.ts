import { DISCONNECTS, HUB_ERRORS, HUB_LIMITS } from '@hookswitch/shared';
import type { HubErrorName } from '@hookswitch/shared';
import { check, must, mustEqual } from '../suite.ts';
import type { Check, CheckContext } from '../suite.ts';
import { mustDisconnect } from './connecting.ts';

/** Answered with badFrame, then closed for good. */
async function mustBreak({ connect }: CheckContext, data: string | Buffer): Promise<void> {
  const peer = await connect();
  peer.raw(data);
  const error = await peer.until('an error', ({ type }) => type === 'error');
  must(error.type === 'error' && error.name === 'badFrame', `badFrame expected, got ${JSON.stringify(error)}`);
  await mustDisconnect(peer, DISCONNECTS.badProtocol.code);
}

const FATAL: readonly (readonly [what: string, data: string | Buffer])[] = [
  ['text that is not JSON', '{"type":'],
  ['a JSON array', '[{"type":"ping","id":1}]'],
  ['a JSON string', '"ping"'],
  ['an empty message', ''],
  ['a binary message', Buffer.from('{"type":"ping","id":1}')],
  [
    'an object nested beyond the limit',
    `{"type":"ping","id":1,"x":${'['.repeat(HUB_LIMITS.maxDepth + 1)}${']'.repeat(HUB_LIMITS.maxDepth + 1)}}`,
  ],
];

/** Objects that do not fit: the connection stays. */
const MISFITS: readonly (readonly [what: string, error: string, command: object])[] = [
  ['a command without a needed member', 'badFrame', { type: 'subscribe' }],
  ['a member of another type', 'badFrame', { type: 'subscribe', topic: 17 }],
  ['an unknown command', 'unknownCommand', { type: 'frobnicate' }],
  ['a frame without a type', 'badFrame', { topic: 'app.x' }],
  ['a frame that only a server sends', 'unknownCommand', { type: 'subscribed', topic: 'app.x' }],
];

export const frames: readonly Check[] = [
  ...FATAL.map(([what, data]): Check => ({
    section: '7.4',
    what: `${what} is badFrame, 4200`,
    only: 'native',
    needsNoTopic: true,
    run: (context) => mustBreak(context, data),
  })),
  ...MISFITS.map(([what, error, command]): Check => ({
    section: '7.4',
    needsNoTopic: true,
    what: `${what} is ${error}, and the connection stays`,
    run: async ({ connect }) => {
      const peer = await connect();
      await peer.refused(error, command);
      await peer.askFor('pong', { type: 'ping' });
    },
  })),
  check({
    section: '8',
    what: 'an argument that is no object is badFrame, 4200',
    only: 'socketio',
    needsNoTopic: true,
    run: (context) => mustBreak(context, '{"type":"ping","id":1}'),
  }),
  check({
    section: '2',
    what: 'ids are non-negative integers, 0 included',
    needsNoTopic: true,
    run: async ({ connect }) => {
      const peer = await connect();
      peer.send({ type: 'ping', id: 0 });
      mustEqual((await peer.answerTo(0)).type, 'pong', 'answer to id 0');
      for (const id of [-1, 1.5, 'one', null]) {
        const before = peer.received.length;
        peer.send({ type: 'ping', id });
        const error = await peer.until('an error', (frame) => peer.received.indexOf(frame) >= before);
        must(error.type === 'error' && error.name === 'badFrame', `id ${String(id)}: ${JSON.stringify(error)}`);
      }
    },
  }),
  check({
    section: '1',
    what: 'members that the server does not know are ignored',
    needsNoTopic: true,
    run: async ({ connect }) => {
      const peer = await connect();
      await peer.askFor('pong', { type: 'ping', colour: 'blue', nested: { deep: [1] } });
    },
  }),
  check({
    section: '7.4',
    what: 'a client that sends nothing but misfits is closed after some, 4200',
    needsNoTopic: true,
    run: async ({ connect }) => {
      const peer = await connect();
      for (let n = 0; n < 30; n++) peer.send({ type: 'frobnicate', id: 100 + n });
      await mustDisconnect(peer, DISCONNECTS.badProtocol.code);
    },
  }),
  check({
    section: '7.5',
    what: 'a frame beyond 64 KiB is closed with 1009',
    only: 'native',
    needsNoTopic: true,
    run: async ({ connect }) => {
      const peer = await connect();
      peer.send({ type: 'ping', id: 1, padding: 'x'.repeat(HUB_LIMITS.maxFrameBytes) });
      mustEqual((await peer.end()).code, 1009, 'close code');
    },
  }),
  check({
    section: '7.1',
    what: 'an extension that does not exist is answered by an error',
    needsNoTopic: true,
    run: async ({ connect }) => {
      const peer = await connect();
      const answer = await peer.ask({ type: 'extension', extension: 'no-such-thing', body: {} });
      mustEqual(answer.type, 'error', 'answer');
      await peer.askFor('pong', { type: 'ping' });
    },
  }),
  check({
    section: '2',
    what: 'errors have the code of their name',
    needsNoTopic: true,
    run: async ({ connect }) => {
      const peer = await connect();
      const answers = [
        await peer.refused('unknownCommand', { type: 'frobnicate' }),
        await peer.refused('badTopic', { type: 'subscribe', topic: 'app..x' }),
        await peer.refused('notSubscribed', { type: 'unsubscribe', topic: 'app.nothing' }),
      ];
      for (const { name, code, temporary } of answers) {
        const { code: wanted, temporary: passes } = HUB_ERRORS[name as HubErrorName];
        mustEqual({ code, temporary }, { code: wanted, temporary: passes }, name);
      }
    },
  }),
  check({
    section: '2',
    what: 'every command is answered exactly once, many at a time',
    needsNoTopic: true,
    run: async ({ connect }) => {
      const peer = await connect();
      const ids = Array.from({ length: 200 }, (_, index) => 1000 + index);
      for (const id of ids) peer.send({ type: 'ping', id });
      await peer.answerTo(1199);
      const answered = peer.received.flatMap((frame) => (frame.type === 'pong' ? [frame.id] : []));
      mustEqual(
        answered.sort((a, b) => a - b),
        ids,
        'ids answered',
      );
    },
  }),
];
