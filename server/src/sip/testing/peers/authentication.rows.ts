import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { systemClock, systemRandom } from '../../../kernel/index.ts';
import { DigestServer } from '../../digest/index.ts';
import type { DigestAlgorithm } from '../../digest/index.ts';
import type { Authorization, RequestFacts } from '../../user-agent/api.ts';
import { callerRequest, expectStatus, pause, receive, response } from './scenario.ts';
import { sampleSdp } from '../sdp.ts';
import type { Peer } from './peer.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

const CREDENTIALS = { username: 'alice', password: 'secret' } as const;
const trying = expectStatus(100, { optional: true });

/** sipp challenges with these, checks the answer where it can (MD5), and takes the call. */
function challenged(status: '401 Unauthorized' | '407 Proxy Authentication Required', challenges: string[]): string[] {
  const [name, answer] = status.startsWith('401')
    ? ['WWW-Authenticate', 'Authorization']
    : ['Proxy-Authenticate', 'Proxy-Authorization'];
  return [
    receive('INVITE', { lacks: ['Authorization:'] }),
    response(status, { tag: true, headers: challenges.map((value) => `${name}: Digest ${value}`) }),
    receive('ACK', { check: { CSeq: '1 ACK' } }),
    receive('INVITE', { check: { CSeq: '2 INVITE', [answer]: 'username=.alice.' } }),
    response('200 OK', { tag: true, repeat: true, sdp: true }),
    receive('ACK', { check: { CSeq: '2 ACK' } }),
    receive('BYE'),
    response('200 OK'),
  ];
}

/** Computed here on its own, as RFC 7616 section 3.4.1 says. */
function expectRightAnswer(peer: Peer, header: string, hash: 'md5' | 'sha256'): Map<string, string> {
  const invite = peer.tapped.findLast(({ direction, bytes }) => direction === 'out' && bytes.includes('INVITE sip:'));
  const line = new RegExp(`^${header}: Digest (.*)$`, 'm').exec(invite?.bytes.toString() ?? '')?.[1] ?? '';
  const values = new Map(
    [...line.matchAll(/(\w+)=(?:"([^"]*)"|([^,\s]*))/g)].map(([, name = '', quoted, plain]) => [
      name,
      quoted ?? plain ?? '',
    ]),
  );
  const h = (text: string): string => createHash(hash).update(text).digest('hex');
  const get = (name: string): string => values.get(name) ?? '';
  const first = h(`${CREDENTIALS.username}:${get('realm')}:${CREDENTIALS.password}`);
  const second = h(`INVITE:${get('uri')}`);
  const middle = values.has('qop') ? `${get('nc')}:${get('cnonce')}:${get('qop')}:` : '';
  expect(get('response')).toBe(h(`${first}:${get('nonce')}:${middle}${second}`));
  return values;
}

async function callChallenged(peer: Peer, steps: readonly string[]): Promise<void> {
  const sipp = await peer.sippWaits(steps);
  const call = await peer.answeredCall(sipp.target, {}, { credentials: CREDENTIALS });
  call.bye();
  await sipp.done();
  expect(peer.ends).toEqual(['local bye']);
}

/** We challenge whoever calls us. */
function challenging(algorithms: readonly DigestAlgorithm[], status: 401 | 407 = 401): NonNullable<Row['handlers']> {
  const digest = new DigestServer({ random: systemRandom, algorithms });
  return {
    authorize: (request: RequestFacts): Authorization<unknown> => {
      const verdict = digest.check(request, {
        realm: 'example.test',
        status,
        now: systemClock.now(),
        secretOf: (username) => (username === CREDENTIALS.username ? CREDENTIALS : undefined),
      });
      if (verdict.kind === 'ok') return { allow: true, context: verdict.username };
      return { allow: false, status: verdict.status, ...('headers' in verdict ? { headers: verdict.headers } : {}) };
    },
  };
}

const LOGIN = ['-au', CREDENTIALS.username, '-ap', CREDENTIALS.password, '-auth_uri', 'service@127.0.0.1'];
const invite = (sequence: number, headers: readonly string[] = []): string =>
  callerRequest('INVITE', sequence, { sdp: true, toTag: false, transaction: `inv${String(sequence)}`, headers });
const ack = (sequence: number): string => callerRequest('ACK', sequence, { transaction: `inv${String(sequence)}` });

const logsIn = (status: number): string[] => [
  invite(1),
  trying,
  expectStatus(status, { auth: true }),
  ack(1),
  invite(2, ['[authentication]']),
  trying,
  expectStatus(200),
  callerRequest('ACK', 2),
  pause(50),
  callerRequest('BYE', 3),
  expectStatus(200),
];

function answerAll(peer: Peer, contexts: unknown[] = []): void {
  peer.onCall((call) => {
    contexts.push(call.context);
    peer.listen(call);
    call.answer(sampleSdp());
  });
}

export const AUTHENTICATION: readonly Row[] = [
  row('RFC 2617: sipp challenges with 401, MD5 without qop', async (peer) => {
    await callChallenged(peer, challenged('401 Unauthorized', ['realm="trunk", nonce="abc123"']));
    expect(expectRightAnswer(peer, 'Authorization', 'md5').has('cnonce')).toBe(false);
  }),
  row('RFC 7616: sipp challenges with 401, MD5 with qop=auth among others', async (peer) => {
    const challenge = 'realm="trunk", nonce="abc,123", opaque="x y", algorithm=MD5, qop="auth-int,auth"';
    await callChallenged(peer, challenged('401 Unauthorized', [challenge]));
    const values = expectRightAnswer(peer, 'Authorization', 'md5');
    expect([values.get('qop'), values.get('nc'), values.get('opaque')]).toEqual(['auth', '00000001', 'x y']);
  }),
  row('RFC 7616: sipp challenges with 407, SHA-256', async (peer) => {
    const challenge = 'realm="proxy", nonce="n1", algorithm=SHA-256, qop="auth"';
    await callChallenged(peer, challenged('407 Proxy Authentication Required', [challenge]));
    expect(expectRightAnswer(peer, 'Proxy-Authorization', 'sha256').get('algorithm')).toBe('SHA-256');
  }),
  row(
    'RFC 8760 section 2.4: sipp offers an unknown algorithm, SHA-256 and MD5: the topmost known one is answered',
    async (peer) => {
      const offer = (algorithm: string): string => `realm="trunk", nonce="n2", algorithm=${algorithm}, qop="auth"`;
      await callChallenged(peer, challenged('401 Unauthorized', ['SHA3-1024', 'SHA-256', 'MD5'].map(offer)));
      expectRightAnswer(peer, 'Authorization', 'sha256');
    },
  ),
  row('RFC 3261 section 22.2: sipp refuses our password: asked once, not again', async (peer) => {
    const challenge = { tag: true, headers: ['WWW-Authenticate: Digest realm="trunk", nonce="n3", qop="auth"'] };
    const sipp = await peer.sippWaits([
      receive('INVITE'),
      response('401 Unauthorized', challenge),
      receive('ACK'),
      receive('INVITE'),
      response('401 Unauthorized', challenge),
      receive('ACK'),
    ]);
    peer.call(sipp.target, {}, { credentials: CREDENTIALS });
    await sipp.done();
    expect(peer.failures).toMatchObject([{ status: 401, received: true }]);
  }),
  row('RFC 7616 section 3.3: sipp says stale: the new nonce is answered', async (peer) => {
    const sipp = await peer.sippWaits([
      receive('INVITE'),
      response('407 Proxy Authentication Required', {
        tag: true,
        headers: ['Proxy-Authenticate: Digest realm="trunk", nonce="old", qop="auth"'],
      }),
      receive('ACK'),
      receive('INVITE', { check: { 'Proxy-Authorization': 'nonce=.old.' } }),
      response('407 Proxy Authentication Required', {
        tag: true,
        headers: ['Proxy-Authenticate: Digest realm="trunk", nonce="new", qop="auth", stale=true'],
      }),
      receive('ACK'),
      receive('INVITE', { check: { 'Proxy-Authorization': 'nonce=.new.' } }),
      response('200 OK', { tag: true, repeat: true, sdp: true }),
      receive('ACK'),
      receive('BYE'),
      response('200 OK'),
    ]);
    (await peer.answeredCall(sipp.target, {}, { credentials: CREDENTIALS })).bye();
    await sipp.done();
  }),
  row('RFC 3261 section 22.3: sipp challenges the BYE too', async (peer) => {
    const sipp = await peer.sippWaits([
      receive('INVITE'),
      response('200 OK', { tag: true, repeat: true, sdp: true }),
      receive('ACK'),
      receive('BYE', { lacks: ['Authorization:'] }),
      response('407 Proxy Authentication Required', {
        headers: ['Proxy-Authenticate: Digest realm="trunk", nonce="bye", qop="auth"'],
      }),
      receive('BYE', { check: { 'Proxy-Authorization': 'nonce=.bye.' } }),
      response('200 OK'),
    ]);
    (await peer.answeredCall(sipp.target, {}, { credentials: CREDENTIALS })).bye();
    await sipp.done();
    expect(peer.ends).toEqual(['local bye']);
  }),
  row(
    'RFC 7616: we challenge sipp with 401 and MD5, and take its answer',
    async (peer) => {
      const contexts: unknown[] = [];
      answerAll(peer, contexts);
      await peer.sippCalls(logsIn(401), LOGIN);
      expect(contexts).toEqual(['alice']);
      expect(peer.ends).toEqual(['remote bye']);
    },
    { handlers: challenging(['MD5']) },
  ),
  row(
    'RFC 7616: we challenge sipp with 407 and MD5, and take its answer',
    async (peer) => {
      const contexts: unknown[] = [];
      answerAll(peer, contexts);
      await peer.sippCalls(logsIn(407), LOGIN);
      expect(contexts).toEqual(['alice']);
    },
    { handlers: challenging(['MD5'], 407) },
  ),
  row(
    'RFC 3261 section 22.1: a wrong password of sipp is challenged again',
    async (peer) => {
      answerAll(peer);
      await peer.sippCalls(
        [
          invite(1),
          trying,
          expectStatus(401, { auth: true }),
          ack(1),
          invite(2, ['[authentication]']),
          trying,
          expectStatus(401),
          ack(2),
        ],
        [...LOGIN, '-ap', 'wrong'],
      );
      expect(peer.ends).toEqual([]);
    },
    { handlers: challenging(['MD5']) },
  ),
];
