import { expect } from 'vitest';
import { callerRequest, expectStatus, receive, response } from './scenario.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

const trying = expectStatus(100, { optional: true });

/** sipp calls and is refused. */
const refused = (status: number, check: Record<string, string>): string[] => [
  callerRequest('INVITE', 1, { sdp: true, transaction: 'inv' }),
  trying,
  expectStatus(status, { check }),
  callerRequest('ACK', 1, { transaction: 'inv' }),
];

/** sipp is called and refuses. */
const refuses = (status: string, headers: readonly string[] = []): string[] => [
  receive('INVITE'),
  response(status, { tag: true, headers, contact: false }),
  receive('ACK', { check: { CSeq: '1 ACK' } }),
];

export const REFUSALS: readonly Row[] = [
  row('RFC 3326: we are busy (486 with a Reason)', async (peer) => {
    peer.onCall((call) => {
      call.reject(486, { sipReason: { protocol: 'Q.850', cause: 17, text: 'User busy' } });
    });
    await peer.sippCalls(refused(486, { Reason: 'Q.850;cause=17;text=.User busy.' }));
    expect(peer.ends).toEqual([]);
  }),
  row('RFC 3261 section 8.3: we redirect (302) to two contacts', async (peer) => {
    peer.onCall((call) => {
      call.redirect(['sip:a@192.0.2.1', 'sip:b@192.0.2.2']);
    });
    await peer.sippCalls(refused(302, { Contact: '<sip:a@192.0.2.1>;q=1.0' }));
  }),
  row('RFC 3261 section 21.5.1: we fail (500 with Retry-After)', async (peer) => {
    peer.onCall((call) => {
      call.ring();
      call.reject(500, { headers: [{ name: 'Retry-After', value: '30' }] });
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { sdp: true, transaction: 'inv' }),
      trying,
      expectStatus(180),
      expectStatus(500, { check: { 'Retry-After': '30' } }),
      callerRequest('ACK', 1, { transaction: 'inv' }),
    ]);
  }),
  row('RFC 3261 section 8.2.2.3: sipp requires what we do not know: 420', async (peer) => {
    await peer.sippCalls([
      callerRequest('INVITE', 1, { sdp: true, transaction: 'inv', headers: ['Require: teleportation'] }),
      trying,
      expectStatus(420, { check: { Unsupported: 'teleportation' } }),
      callerRequest('ACK', 1, { transaction: 'inv' }),
    ]);
  }),
  row('RFC 3261 section 8.2: methods and bodies that we do not take: 405, 415, 501', async (peer) => {
    await peer.sippCalls([
      callerRequest('PUBLISH', 1, { toTag: false }),
      expectStatus(405, { check: { Allow: 'INVITE' } }),
      callerRequest('DANCE', 2, { toTag: false }),
      expectStatus(501),
      callerRequest('INVITE', 3, {
        toTag: false,
        transaction: 'inv',
        headers: ['Content-Type: text/plain'],
        body: 'hello',
      }),
      trying,
      expectStatus(415, { check: { Accept: 'application/sdp' } }),
      callerRequest('ACK', 3, { transaction: 'inv' }),
    ]);
  }),
  row('RFC 3261 section 12.2.2: requests of sipp in a call that is not: 481', async (peer) => {
    await peer.sippCalls([
      callerRequest('BYE', 1, { toTag: false }).replace('To: <sip:service@[remote_ip]:[remote_port]>', '$&;tag=gone'),
      expectStatus(481),
    ]);
  }),
  row('RFC 3261 section 8.1.3: sipp is busy (486 with a Reason)', async (peer) => {
    const sipp = await peer.sippWaits(refuses('486 Busy Here', ['Reason: Q.850;cause=17;text="User busy"']));
    peer.call(sipp.target);
    await sipp.done();
    expect(peer.failures).toEqual([
      {
        status: 486,
        reason: 'Busy Here',
        received: true,
        contacts: [],
        sipReason: { protocol: 'Q.850', cause: 17, text: 'User busy' },
      },
    ]);
  }),
  row('RFC 3261 section 8.1.3.4: sipp redirects (302): the contacts come in order of preference', async (peer) => {
    const sipp = await peer.sippWaits(
      refuses('302 Moved Temporarily', ['Contact: <sip:b@192.0.2.2>;q=0.5, <sip:a@192.0.2.1>;q=0.9']),
    );
    peer.call(sipp.target);
    await sipp.done();
    expect(peer.failures).toMatchObject([{ status: 302, contacts: ['sip:a@192.0.2.1', 'sip:b@192.0.2.2'] }]);
  }),
  row('RFC 3261 section 21.5.1: sipp fails (500 with Retry-After)', async (peer) => {
    const sipp = await peer.sippWaits(refuses('500 Server Internal Error', ['Retry-After: 17 (busy)']));
    peer.call(sipp.target);
    await sipp.done();
    expect(peer.failures).toMatchObject([{ status: 500, retryAfter: 17 }]);
  }),
  row('RFC 3261 section 21.6: sipp declines for everybody (603)', async (peer) => {
    const sipp = await peer.sippWaits(refuses('603 Decline'));
    peer.call(sipp.target);
    await sipp.done();
    expect(peer.failures).toMatchObject([{ status: 603, received: true }]);
  }),
  row('RFC 3263 section 4.3: the first gateway answers 503: the call is taken to the second', async (peer) => {
    const first = await peer.sippWaits(refuses('503 Service Unavailable', ['Retry-After: 60']));
    const second = await peer.sippWaits([
      receive('INVITE', { check: { CSeq: '1 INVITE' } }),
      response('200 OK', { tag: true, repeat: true, sdp: true }),
      receive('ACK'),
      receive('BYE'),
      response('200 OK'),
    ]);
    peer.resolveTo([first.endpoint, second.endpoint]);
    const call = await peer.answeredCall('sip:service@carrier.test');
    call.bye();
    await first.done();
    await second.done();
    expect(peer.ends).toEqual(['local bye']);
  }),
  row('RFC 3261 section 13.2.2.4: an answer without SDP is acknowledged and told', async (peer) => {
    const answers: unknown[] = [];
    const sipp = await peer.sippWaits([
      receive('INVITE'),
      response('200 OK', { tag: true, repeat: true }),
      receive('ACK'),
      receive('BYE'),
      response('200 OK'),
    ]);
    const call = await peer.answeredCall(sipp.target, { onAnswered: ({ sdp }) => answers.push(sdp) });
    call.bye();
    await sipp.done();
    expect(answers).toEqual([undefined]);
  }),
];
