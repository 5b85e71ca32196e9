import { expect } from 'vitest';
import { callerRequest, calleeRequest, expectStatus, laterResponse, pause, receive, response } from './scenario.ts';
import { sampleSdp } from '../sdp.ts';
import { pauseMs } from './peer.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

const trying = expectStatus(100, { optional: true });
const keepInvite = { keep: { peer: 'From', via: 'Via' } };
const ALLOW = 'Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE';
const prack = (sequence: number, message: { sdp?: boolean } = {}): string =>
  callerRequest('PRACK', sequence, { headers: ['RAck: [$rseq] 1 INVITE'], ...message });
const reliable = (status: number, expected: { contains?: readonly string[] } = {}): string =>
  expectStatus(status, { keep: { rseq: 'RSeq' }, check: { Require: '100rel' }, ...expected });

export const RELIABLE: readonly Row[] = [
  row('RFC 3262: sipp requires 100rel: our 180 and 183 are acknowledged one after the other', async (peer) => {
    const heard: string[] = [];
    peer.onCall((call) => {
      peer.listen(call, {
        onProgressed: () => {
          heard.push('progressed');
          call.answer(sampleSdp());
        },
      });
      expect(call.reliable).toBe(true);
      call.ring();
      call.progress(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { headers: ['Require: 100rel', ALLOW], sdp: true }),
      trying,
      reliable(180),
      prack(2),
      reliable(183, { contains: ['m=audio'] }),
      expectStatus(200, { check: { CSeq: '2 PRACK' } }),
      prack(3),
      expectStatus(200, { check: { CSeq: '3 PRACK' } }),
      expectStatus(200, { check: { CSeq: '1 INVITE' }, lacks: ['m=audio'] }),
      callerRequest('ACK', 1),
      pause(50),
      callerRequest('BYE', 4),
      expectStatus(200),
    ]);
    expect(heard).toEqual(['progressed']);
    expect(peer.ends).toEqual(['remote bye']);
  }),
  row('RFC 3262: a PRACK for nothing is 481, and the right one still counts', async (peer) => {
    peer.onCall((call) => {
      peer.listen(call);
      call.progress(sampleSdp());
      call.answer('');
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { headers: ['Supported: 100rel', ALLOW], sdp: true }),
      trying,
      reliable(183),
      callerRequest('PRACK', 2, { headers: ['RAck: 1 1 INVITE'] }),
      expectStatus(481, { check: { CSeq: '2 PRACK' } }),
      prack(3),
      expectStatus(200, { check: { CSeq: '3 PRACK' } }),
      expectStatus(200, { check: { CSeq: '1 INVITE' } }),
      callerRequest('ACK', 1),
      pause(50),
      callerRequest('BYE', 4),
      expectStatus(200),
    ]);
    expect(peer.ends).toEqual(['remote bye']);
  }),
  row('RFC 3262: late offer of sipp: our offer in the 183, its answer in the PRACK', async (peer) => {
    const heard: unknown[] = [];
    peer.onCall((call) => {
      peer.listen(call, {
        onProgressed: ({ sdp }) => {
          heard.push(sdp?.includes('m=audio'));
          call.answer('');
        },
      });
      call.progress(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { headers: ['Supported: 100rel', ALLOW] }),
      trying,
      reliable(183, { contains: ['m=audio'] }),
      prack(2, { sdp: true }),
      expectStatus(200, { check: { CSeq: '2 PRACK' } }),
      expectStatus(200, { check: { CSeq: '1 INVITE' }, lacks: ['m=audio'] }),
      callerRequest('ACK', 1),
      pause(50),
      callerRequest('BYE', 3),
      expectStatus(200),
    ]);
    expect(heard).toEqual([true]);
  }),
  row('RFC 3262: late offer of sipp, which requires 100rel: the PRACK of our 180 is not the answer', async (peer) => {
    const heard: unknown[] = [];
    peer.onCall((call) => {
      peer.listen(call, {
        onProgressed: ({ sdp }) => {
          heard.push(sdp?.includes('m=audio'));
          call.answer('');
        },
      });
      call.ring();
      call.progress(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { headers: ['Require: 100rel', ALLOW] }),
      trying,
      reliable(180),
      prack(2),
      reliable(183, { contains: ['m=audio'] }),
      expectStatus(200, { check: { CSeq: '2 PRACK' } }),
      prack(3, { sdp: true }),
      expectStatus(200, { check: { CSeq: '3 PRACK' } }),
      expectStatus(200, { check: { CSeq: '1 INVITE' }, lacks: ['m=audio'] }),
      callerRequest('ACK', 1),
      pause(50),
      callerRequest('BYE', 4),
      expectStatus(200),
    ]);
    expect(heard).toEqual([true]);
  }),
  row(
    'RFC 3262 section 3: a reliable 183 that sipp never acknowledges ends the call with 504',
    async (peer) => {
      peer.onCall((call) => {
        peer.listen(call);
        call.progress(sampleSdp());
      });
      await peer.sippCalls([
        callerRequest('INVITE', 1, { headers: ['Supported: 100rel'], sdp: true, transaction: 'inv' }),
        trying,
        expectStatus(183, { optional: true }),
        expectStatus(504, { check: { Reason: 'Q.850;cause=102' } }),
        callerRequest('ACK', 1, { transaction: 'inv' }),
      ]);
      expect(peer.ends).toEqual(['cancelled']);
    },
    { agent: { timers: { t1: 20 } } },
  ),
  row('RFC 3262: we acknowledge reliable responses of sipp, each once', async (peer) => {
    const heard: unknown[] = [];
    const sipp = await peer.sippWaits([
      receive('INVITE', { ...keepInvite, check: { Supported: '100rel' } }),
      response('180 Ringing', { tag: true, headers: ['Require: 100rel', 'RSeq: 99'] }),
      receive('PRACK', { check: { RAck: '99 1 INVITE' } }),
      response('200 OK'),
      laterResponse('183 Session Progress', { headers: ['Require: 100rel', 'RSeq: 100'], sdp: true, repeat: false }),
      receive('PRACK', { check: { RAck: '100 1 INVITE' } }),
      response('200 OK'),
      laterResponse('200 OK'),
      receive('ACK', { check: { CSeq: '1 ACK' } }),
      receive('BYE', { check: { CSeq: '4 BYE' } }),
      response('200 OK'),
    ]);
    const call = await peer.answeredCall(sipp.target, {
      onProvisional: ({ status, sdp }) => heard.push([status, sdp !== undefined]),
      onAnswered: ({ sdp }) => heard.push(['answered', sdp]),
    });
    call.bye();
    await sipp.done();
    expect(heard).toEqual([
      [180, false],
      [183, true],
      ['answered', undefined],
    ]);
  }),
  row('RFC 3262: we insist on 100rel, sipp refuses with 420', async (peer) => {
    const sipp = await peer.sippWaits([
      receive('INVITE', { check: { Require: '100rel' } }),
      response('420 Bad Extension', { tag: true, headers: ['Unsupported: 100rel'] }),
      receive('ACK'),
    ]);
    peer.call(sipp.target, {}, { reliableProvisionals: 'required' });
    await sipp.done();
    expect(peer.failures).toMatchObject([{ status: 420, received: true }]);
  }),
  row('RFC 3311: sipp changes the early session and the confirmed one by UPDATE', async (peer) => {
    const heard: string[] = [];
    peer.onCall((call) => {
      peer.listen(call, {
        onProgressed: () => heard.push('progressed'),
        onUpdate: (offer) => {
          heard.push(offer.includes('a=sendonly') ? 'hold' : 'update');
          if (heard.length === 2)
            setImmediate(() => {
              call.answer('');
            });
          return {
            sdp: sampleSdp({
              version: heard.length,
              direction: offer.includes('a=sendonly') ? 'recvonly' : 'sendrecv',
            }),
          };
        },
      });
      call.progress(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { headers: ['Supported: 100rel', ALLOW], sdp: true }),
      trying,
      reliable(183),
      prack(2),
      expectStatus(200, { check: { CSeq: '2 PRACK' } }),
      callerRequest('UPDATE', 3, { sdp: true, sdpVersion: 2 }),
      expectStatus(200, { check: { CSeq: '3 UPDATE' }, contains: ['a=sendrecv'] }),
      expectStatus(200, { check: { CSeq: '1 INVITE' } }),
      callerRequest('ACK', 1),
      callerRequest('UPDATE', 4, { sdp: 'sendonly', sdpVersion: 3 }),
      expectStatus(200, { check: { CSeq: '4 UPDATE' }, contains: ['a=recvonly'] }),
      callerRequest('BYE', 5),
      expectStatus(200),
    ]);
    expect(heard).toEqual(['progressed', 'update', 'hold']);
  }),
  row('RFC 3311: we change the early session and the confirmed one by UPDATE, as the caller', async (peer) => {
    const sipp = await peer.sippWaits([
      receive('INVITE', keepInvite),
      response('183 Session Progress', { tag: true, headers: ['Require: 100rel', 'RSeq: 5', ALLOW], sdp: true }),
      receive('PRACK'),
      response('200 OK'),
      receive('UPDATE', { contains: ['a=sendonly'] }),
      response('200 OK', { sdp: 'recvonly', sdpVersion: 2 }),
      laterResponse('200 OK', { headers: [ALLOW] }),
      receive('ACK'),
      receive('UPDATE', { contains: ['a=sendrecv'] }),
      response('200 OK', { sdp: true, sdpVersion: 3 }),
      receive('BYE'),
      response('200 OK'),
    ]);
    const early = Promise.withResolvers<undefined>();
    const answered = Promise.withResolvers<undefined>();
    const call = peer.call(sipp.target, {
      onProvisional: () => {
        early.resolve(undefined);
      },
      onAnswered: () => {
        answered.resolve(undefined);
      },
    });
    await early.promise;
    // The PRACK goes first.
    await pauseMs(50);
    await expect(call.update(sampleSdp({ direction: 'sendonly', version: 2 }))).resolves.toMatchObject({ ok: true });
    await answered.promise;
    await expect(call.update(sampleSdp({ version: 3 }))).resolves.toMatchObject({ ok: true });
    call.bye();
    await sipp.done();
  }),
  row('RFC 3311: we change the early session and the confirmed one by UPDATE, as the callee', async (peer) => {
    const results: unknown[] = [];
    peer.onCall((call) => {
      peer.listen(call, {
        onProgressed: () => {
          void call.update(sampleSdp({ version: 2 })).then(({ ok }) => {
            results.push(ok);
            call.answer('');
          });
        },
        onAcked: () => {
          void call.update(sampleSdp({ version: 3 })).then((result) => {
            results.push(result.ok);
            call.bye();
          });
        },
      });
      call.progress(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { headers: ['Supported: 100rel', ALLOW], sdp: true }),
      trying,
      reliable(183),
      prack(2),
      expectStatus(200, { check: { CSeq: '2 PRACK' } }),
      receive('UPDATE', { contains: ['m=audio'] }),
      response('200 OK', { sdp: true, sdpVersion: 2 }),
      expectStatus(200, { check: { CSeq: '1 INVITE' } }),
      callerRequest('ACK', 1),
      receive('UPDATE'),
      response('200 OK', { sdp: true, sdpVersion: 3 }),
      receive('BYE'),
      response('200 OK'),
    ]);
    expect(results).toEqual([true, true]);
  }),
  row(
    'RFC 3311: sipp as the callee changes the confirmed session by UPDATE; refused with 488, the call goes on',
    async (peer) => {
      const sipp = await peer.sippWaits([
        receive('INVITE', keepInvite),
        response('200 OK', { tag: true, repeat: true, sdp: true }),
        receive('ACK'),
        calleeRequest('UPDATE', 1, { sdp: true, sdpVersion: 2 }),
        expectStatus(488, { check: { CSeq: '1 UPDATE' } }),
        calleeRequest('UPDATE', 2),
        expectStatus(200, { check: { CSeq: '2 UPDATE' } }),
        calleeRequest('BYE', 3),
        expectStatus(200),
      ]);
      await peer.answeredCall(sipp.target, { onUpdate: () => ({ status: 488 }) });
      await sipp.done();
      expect(peer.ends).toEqual(['remote bye']);
    },
  ),
];
