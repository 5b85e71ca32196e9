import { DISCONNECTS, HUB_ERRORS, HUB_LIMITS } from '@hookswitch/shared';
import { WebSocket } from 'ws';
import type { Peer } from '../peer.ts';
import { check, must, mustEqual } from '../suite.ts';
import type { Check, CheckContext } from '../suite.ts';

/** The connection is refused with an error, a disconnect frame, and a close, all of the same kind. */
async function mustRefuseToken(context: CheckContext, token: string): Promise<void> {
  const peer = await context.open();
  const refused = await peer.refused('tokenInvalid', { type: 'connect', token });
  mustEqual(refused.code, HUB_ERRORS.tokenInvalid.code, 'code of the error');
  await mustDisconnect(peer, DISCONNECTS.tokenInvalid.code);
}

export async function mustDisconnect(peer: Peer, code: number): Promise<void> {
  const frame = await peer.until('a disconnect frame', ({ type }) => type === 'disconnect');
  must(frame.type === 'disconnect' && frame.code === code, `disconnect ${code} expected, got ${JSON.stringify(frame)}`);
  mustEqual((await peer.end()).code, code, 'close code of the WebSocket');
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export const connecting: readonly Check[] = [
  check({
    section: 1,
    what: 'the subprotocol hookswitch.v1 is required',
    run: async ({ url }) => {
      const socket = new WebSocket(url, { rejectUnauthorized: false });
      const outcome = await new Promise<string>((resolve) => {
        socket.once('unexpected-response', (_request, response) => {
          resolve(String(response.statusCode));
          socket.terminate();
        });
        socket.once('close', (code) => {
          resolve(`closed ${code}`);
        });
        socket.once('message', () => {
          resolve('a frame');
        });
        socket.once('error', () => undefined);
      });
      must(/^4\d\d$|^closed/.test(outcome), `a connection without it was served: ${outcome}`);
    },
  }),
  check({
    section: 3,
    what: 'a good token is answered by `connected`, with what the client has to know',
    run: async ({ open, token }) => {
      const peer = await open();
      const answer = await peer.askFor('connected', { type: 'connect', token });
      must(/^AC[0-9a-f]{32}$/.test(answer.accountSid), `accountSid ${answer.accountSid}`);
      must(answer.expiresAt > Date.now(), 'expiresAt lies in the past');
      must(answer.heartbeatMs >= 1000, `heartbeatMs ${answer.heartbeatMs}`);
    },
  }),
  check({
    section: 3,
    what: 'commands may follow `connect` without waiting for its answer',
    run: async ({ open, token, topic }) => {
      const peer = await open();
      peer.send({ type: 'connect', id: 7, token });
      peer.send({ type: 'subscribe', id: 8, topic });
      peer.send({ type: 'ping', id: 9 });
      mustEqual((await peer.answerTo(7)).type, 'connected', 'answer to connect');
      mustEqual((await peer.answerTo(8)).type, 'subscribed', 'answer to subscribe');
      mustEqual((await peer.answerTo(9)).type, 'pong', 'answer to ping');
    },
  }),
  check({
    section: 3,
    what: 'other commands before `connect` get notConnected',
    run: async ({ open, topic }) => {
      const peer = await open();
      await peer.refused('notConnected', { type: 'subscribe', topic });
    },
  }),
  check({
    section: 3,
    what: '`connect` on a connected connection gets alreadyConnected and changes nothing',
    run: async ({ connect, token }) => {
      const peer = await connect();
      await peer.refused('alreadyConnected', { type: 'connect', token });
      await peer.askFor('pong', { type: 'ping' });
    },
  }),
  check({
    section: 3,
    what: 'something that is no token is refused, 4102',
    run: (context) => mustRefuseToken(context, 'garbage'),
  }),
  check({
    section: 3,
    what: 'a token whose claims were changed is refused, 4102',
    run: async (context) => {
      const [header = '', payload = '', signature = ''] = context.token.split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp: number };
      await mustRefuseToken(context, `${header}.${part({ ...claims, exp: claims.exp - 1 })}.${signature}`);
    },
  }),
  check({
    section: 3,
    what: 'an unsigned token is refused, 4102',
    run: async (context) => {
      const [, payload = ''] = context.token.split('.');
      await mustRefuseToken(context, `${part({ alg: 'none', typ: 'JWT' })}.${payload}.`);
    },
  }),
  check({
    section: 3,
    what: '`refresh` with a good token is answered; a bad one leaves the old one in force',
    run: async ({ connect, token }) => {
      const peer = await connect();
      const answer = await peer.askFor('refreshed', { type: 'refresh', token });
      must(answer.expiresAt > Date.now(), 'expiresAt lies in the past');
      await peer.refused('tokenInvalid', { type: 'refresh', token: 'garbage' });
      await peer.askFor('pong', { type: 'ping' });
    },
  }),
  check({
    section: 3,
    what: 'a connection that does not connect is closed after 10 s, 4003',
    slow: true,
    run: async ({ open }) => {
      const peer = await open();
      const from = performance.now();
      mustEqual((await peer.end(HUB_LIMITS.handshakeMs + 5000)).code, DISCONNECTS.handshakeTimeout.code, 'close code');
      must(performance.now() - from > HUB_LIMITS.handshakeMs - 1000, 'it was closed too early');
    },
  }),
];
