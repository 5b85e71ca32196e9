import { expect } from 'vitest';
import { calleeRequest, callerRequest, expectStatus, pause, receive, response } from './scenario.ts';
import { sampleSdp } from '../sdp.ts';
import { pauseMs } from './peer.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

const trying = expectStatus(100, { optional: true });
const keepPeer = { keep: { peer: 'From' } };

export const BASICS: readonly Row[] = [
  row('RFC 3261 section 13: sipp calls, is answered after ringing, hangs up', async (peer) => {
    peer.onCall((call) => {
      peer.listen(call);
      call.ring();
      call.answer(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { sdp: true }),
      trying,
      expectStatus(180, { check: { Contact: '<sip:' } }),
      expectStatus(200, { check: { 'Content-Type': 'application/sdp', Allow: 'INVITE', Contact: '<sip:' } }),
      callerRequest('ACK', 1),
      pause(50),
      callerRequest('BYE', 2),
      expectStatus(200, { check: { CSeq: '2 BYE' } }),
    ]);
    expect(peer.ends).toEqual(['remote bye']);
  }),
  row('RFC 3261 section 15: sipp calls, we hang up with a Reason', async (peer) => {
    peer.onCall((call) => {
      peer.listen(call, {
        onAcked: () => {
          call.bye({ protocol: 'Q.850', cause: 16, text: 'done' });
        },
      });
      call.answer(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { sdp: true }),
      trying,
      expectStatus(200),
      callerRequest('ACK', 1),
      receive('BYE', { check: { Reason: 'Q.850 *;cause=16;text=.done.' } }),
      response('200 OK'),
    ]);
    expect(peer.ends).toEqual(['local bye']);
  }),
  row('RFC 3261 section 13: we call, sipp answers after ringing, we hang up', async (peer) => {
    const provisional: number[] = [];
    const sipp = await peer.sippWaits([
      receive('INVITE', { check: { 'Content-Type': 'application/sdp', Contact: '<sip:', 'Max-Forwards': '70' } }),
      response('100 Trying'),
      response('180 Ringing', { tag: true }),
      response('200 OK', { tag: true, repeat: true, sdp: true }),
      receive('ACK'),
      receive('BYE'),
      response('200 OK'),
    ]);
    const call = await peer.answeredCall(sipp.target, { onProvisional: ({ status }) => provisional.push(status) });
    call.bye();
    await sipp.done();
    expect(provisional).toEqual([180]);
    expect(peer.ends).toEqual(['local bye']);
  }),
  row('RFC 3261 section 15: we call, sipp answers at once and hangs up', async (peer) => {
    const sipp = await peer.sippWaits([
      receive('INVITE', keepPeer),
      response('200 OK', { tag: true, repeat: true, sdp: true }),
      receive('ACK'),
      calleeRequest('BYE', 1, { headers: ['Reason: Q.850;cause=16'] }),
      expectStatus(200),
    ]);
    await peer.answeredCall(sipp.target);
    await sipp.done();
    expect(peer.endings).toEqual([{ by: 'remote', cause: 'bye', reason: { protocol: 'Q.850', cause: 16 } }]);
  }),
  row('RFC 3261 section 17.2: an INVITE sent twice is one call, an ACK sent twice is harmless', async (peer) => {
    let calls = 0;
    peer.onCall((call) => {
      calls++;
      peer.listen(call);
      void pauseMs(100).then(() => {
        call.answer(sampleSdp());
      });
    });
    const invite = callerRequest('INVITE', 1, { sdp: true, transaction: 'inv', retransmit: false });
    await peer.sippCalls([
      invite,
      invite,
      trying,
      expectStatus(200),
      callerRequest('ACK', 1),
      callerRequest('ACK', 1),
      pause(50),
      callerRequest('BYE', 2),
      expectStatus(200),
    ]);
    expect(calls).toBe(1);
    expect(peer.ends).toEqual(['remote bye']);
  }),
  row('RFC 3261 section 17.2.2: a BYE sent twice is answered twice and ends the call once', async (peer) => {
    peer.onCall((call) => {
      peer.listen(call);
      call.answer(sampleSdp());
    });
    const bye = callerRequest('BYE', 2, { transaction: 'bye', retransmit: false });
    await peer.sippCalls(
      [
        callerRequest('INVITE', 1, { sdp: true }),
        trying,
        expectStatus(200),
        callerRequest('ACK', 1),
        pause(50),
        bye,
        expectStatus(200),
        bye,
        // Over a connection there is nothing to retransmit: there the call is gone.
        peer.wire.protocol === 'udp' ? expectStatus(200) : expectStatus(481),
      ],
      // sipp would take the second answer for a retransmission, and retransmit in turn.
      ['-nr'],
    );
    expect(peer.ends).toEqual(['remote bye']);
  }),
  row('RFC 3261 section 11: sipp asks with OPTIONS, outside a call and in it', async (peer) => {
    peer.onCall((call) => {
      peer.listen(call);
      call.answer(sampleSdp());
    });
    const check = { Allow: 'INVITE', Accept: 'application/sdp', Supported: '100rel' };
    await peer.sippCalls([callerRequest('OPTIONS', 1, { toTag: false }), expectStatus(200, { check })]);
    await peer.sippCalls([
      callerRequest('INVITE', 1, { sdp: true }),
      trying,
      expectStatus(200),
      callerRequest('ACK', 1),
      callerRequest('OPTIONS', 2),
      expectStatus(200, { check }),
      callerRequest('BYE', 3),
      expectStatus(200),
    ]);
    expect(peer.ends).toEqual(['remote bye']);
  }),
  row('RFC 3261 section 11: we ask with OPTIONS', async (peer) => {
    const sipp = await peer.sippWaits([receive('OPTIONS'), response('200 OK', { tag: true })]);
    await expect(peer.agent.ping(sipp.target)).resolves.toBe(200);
    await sipp.done();
  }),
  row('RFC 6086: sipp sends INFO with a digit; a body that nobody wants is 415', async (peer) => {
    const infos: string[] = [];
    peer.onCall((call) => {
      peer.listen(call, {
        onInfo: ({ contentType, body }) => infos.push(`${contentType} ${body.toString().trim()}`),
      });
      call.answer(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { sdp: true }),
      trying,
      expectStatus(200),
      callerRequest('ACK', 1),
      callerRequest('INFO', 2, { headers: ['Content-Type: application/dtmf-relay'], body: 'Signal=5' }),
      expectStatus(200, { check: { CSeq: '2 INFO' } }),
      callerRequest('BYE', 3),
      expectStatus(200),
    ]);
    expect(infos).toEqual(['application/dtmf-relay Signal=5']);
  }),
  row('RFC 6086: we send INFO with a digit', async (peer) => {
    const sipp = await peer.sippWaits([
      receive('INVITE'),
      response('200 OK', { tag: true, repeat: true, sdp: true }),
      receive('ACK'),
      receive('INFO', { check: { 'Content-Type': 'application/dtmf-relay' }, contains: ['Signal=7'] }),
      response('200 OK'),
      receive('INFO'),
      response('415 Unsupported Media Type'),
      receive('BYE'),
      response('200 OK'),
    ]);
    const call = await peer.answeredCall(sipp.target);
    await expect(call.info('application/dtmf-relay', 'Signal=7\r\nDuration=160\r\n')).resolves.toBe(200);
    await expect(call.info('text/plain', 'hello')).resolves.toBe(415);
    call.bye();
    await sipp.done();
    expect(peer.ends).toEqual(['local bye']);
  }),
];
