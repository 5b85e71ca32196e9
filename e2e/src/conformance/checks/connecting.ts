import { generateKeyPairSync, sign } from 'node:crypto';
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
  mustEqual((await peer.end()).code, code, 'close code');
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export const connecting: readonly Check[] = [
  check({
    section: '1',
    what: 'the subprotocol hookswitch.v1 is required',
    only: 'native',
    needsNoTopic: true,
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
    section: '3.1',
    what: 'a good token is answered by `connected`, with what the client has to know',
    needsNoTopic: true,
    run: async ({ open, token }) => {
      const peer = await open();
      const answer = await peer.askFor('connected', { type: 'connect', token });
      must(/^AC[0-9a-f]{32}$/.test(answer.accountSid), `accountSid ${answer.accountSid}`);
      must(answer.expiresAt > Date.now(), 'expiresAt lies in the past');
      must(answer.heartbeatMs >= 1000, `heartbeatMs ${answer.heartbeatMs}`);
    },
  }),
  check({
    section: '3.1',
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
    section: '3.1',
    what: 'other commands before `connect` get notConnected',
    run: async ({ open, topic }) => {
      const peer = await open();
      await peer.refused('notConnected', { type: 'subscribe', topic });
    },
  }),
  check({
    section: '3.1',
    what: '`connect` on a connected connection gets alreadyConnected and changes nothing',
    run: async ({ connect, token }) => {
      const peer = await connect();
      await peer.refused('alreadyConnected', { type: 'connect', token });
      await peer.askFor('pong', { type: 'ping' });
    },
  }),
  check({
    section: '3.1',
    what: 'something that is no token is refused, 4102',
    needsNoTopic: true,
    run: (context) => mustRefuseToken(context, 'garbage'),
  }),
  check({
    section: '3.2',
    what: 'a token whose claims were changed is refused, 4102',
    needsNoTopic: true,
    run: async (context) => {
      const [header = '', payload = '', signature = ''] = context.token.split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp: number };
      await mustRefuseToken(context, `${header}.${part({ ...claims, exp: claims.exp - 1 })}.${signature}`);
    },
  }),
  check({
    section: '3.3',
    what: 'an unsigned token is refused, 4102',
    needsNoTopic: true,
    run: async (context) => {
      const [, payload = ''] = context.token.split('.');
      await mustRefuseToken(context, `${part({ alg: 'none', typ: 'JWT' })}.${payload}.`);
    },
  }),
  check({
    section: '3.5',
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
    section: '3.3',
    what: 'a token whose header brings another algorithm, or a key of its own, is refused, 4102',
    needsNoTopic: true,
    run: async (context) => {
      const [header = '', payload = '', signature = ''] = context.token.split('.');
      const given = JSON.parse(Buffer.from(header, 'base64url').toString('utf8')) as { alg: string };
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const jwk = publicKey.export({ format: 'jwk' });
      const other = given.alg === 'ES256' ? 'HS256' : 'ES256';
      await mustRefuseToken(context, `${part({ ...given, alg: other, kid: 'x' })}.${payload}.${signature}`);
      const signed = `${part({ alg: 'ES256', typ: 'JWT', kid: 'mine', jwk })}.${payload}`;
      const own = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      await mustRefuseToken(context, `${signed}.${own.toString('base64url')}`);
    },
  }),
  check({
    section: '3.5',
    what: 'the end of a token is announced a minute before',
    needsNoTopic: true,
    unless: ({ expiresAt }) =>
      Math.abs(expiresAt - Date.now() - 70_000) > 8000 ? 'needs a token that has 62 to 78 s to live' : undefined,
    run: async ({ connect }) => {
      const peer = await connect();
      await peer.until('token-will-expire', ({ type }) => type === 'token-will-expire', 19_000);
    },
  }),
  check({
    section: '3.1',
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
