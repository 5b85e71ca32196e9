import { expect } from 'vitest';
import { callerRequest, expectStatus, laterResponse, pause, receive, response } from './scenario.ts';
import { sampleSdp } from '../sdp.ts';
import { pauseMs } from './peer.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

const keepInvite = { keep: { peer: 'From', via: 'Via' } };
const invite = (headers: readonly string[] = []): string =>
  callerRequest('INVITE', 1, { sdp: true, transaction: 'inv', headers });
const cancel = callerRequest('CANCEL', 1, {
  transaction: 'inv',
  headers: ['Reason: SIP;cause=487;text="caller gave up"'],
});
/** sipp takes the 200 of its CANCEL and the 487 of its INVITE. */
const cancelled = [
  expectStatus(200, { check: { CSeq: '1 CANCEL' } }),
  expectStatus(487, { check: { CSeq: '1 INVITE' } }),
  callerRequest('ACK', 1, { transaction: 'inv' }),
];
const GAVE_UP = { protocol: 'SIP', cause: 487, text: 'caller gave up' };

/** What sipp does when we cancel: 200 to the CANCEL, 487 to the INVITE. */
const takesCancel = [
  receive('CANCEL', { check: { Reason: 'Q.850;cause=16' } }),
  response('200 OK', { tag: true }),
  laterResponse('487 Request Terminated'),
  receive('ACK', { check: { CSeq: '1 ACK' } }),
];

export const CANCELS: readonly Row[] = [
  row(
    'RFC 3261 section 9.2: sipp cancels before it has heard anything; both answers have the same To tag',
    async (peer) => {
      const reasons: unknown[] = [];
      peer.onCall((call) => {
        peer.listen(call, { onCancelled: (reason) => reasons.push(reason) });
      });
      await peer.sippCalls([
        callerRequest('INVITE', 1, { sdp: true, transaction: 'inv', retransmit: false }),
        cancel,
        ...cancelled,
      ]);
      expect(peer.ends).toEqual(['cancelled']);
      expect(reasons).toEqual([GAVE_UP]);
      const tags = peer.tapped.map(({ bytes }) => /^To: .*;tag=(\w+)/m.exec(bytes.toString())?.[1]);
      expect(new Set(tags.filter((tag) => tag !== undefined)).size).toBe(1);
    },
    { agent: { timers: { trying: 5_000 } } },
  ),
  row('RFC 3261 section 9.2: sipp cancels after 100', async (peer) => {
    peer.onCall((call) => {
      peer.listen(call);
    });
    await peer.sippCalls([invite(), expectStatus(100), cancel, ...cancelled]);
    expect(peer.ends).toEqual(['cancelled']);
  }),
  row('RFC 3261 section 9.2: sipp cancels after 180', async (peer) => {
    peer.onCall((call) => {
      peer.listen(call);
      call.ring();
    });
    await peer.sippCalls([invite(), expectStatus(180), cancel, ...cancelled]);
    expect(peer.ends).toEqual(['cancelled']);
  }),
  row('RFC 3262: sipp cancels after a reliable 183 that it acknowledged', async (peer) => {
    peer.onCall((call) => {
      peer.listen(call);
      call.progress(sampleSdp());
    });
    await peer.sippCalls([
      invite(['Supported: 100rel']),
      expectStatus(183, { keep: { rseq: 'RSeq' }, check: { Require: '100rel' } }),
      callerRequest('PRACK', 2, { headers: ['RAck: [$rseq] 1 INVITE'] }),
      expectStatus(200, { check: { CSeq: '2 PRACK' } }),
      cancel,
      ...cancelled,
    ]);
    expect(peer.ends).toEqual(['cancelled']);
  }),
  row('RFC 3262: sipp cancels after a reliable 183 instead of acknowledging it', async (peer) => {
    peer.onCall((call) => {
      peer.listen(call);
      call.progress(sampleSdp());
    });
    await peer.sippCalls([invite(['Supported: 100rel']), expectStatus(183), cancel, ...cancelled]);
    expect(peer.ends).toEqual(['cancelled']);
  }),
  row('RFC 3261 section 9.2: a CANCEL of sipp that crosses our 200 changes nothing', async (peer) => {
    peer.onCall((call) => {
      peer.listen(call);
      call.answer(sampleSdp());
    });
    await peer.sippCalls([
      invite(),
      expectStatus(200, { check: { CSeq: '1 INVITE' } }),
      cancel,
      expectStatus(200, { check: { CSeq: '1 CANCEL' } }),
      callerRequest('ACK', 1),
      pause(50),
      callerRequest('BYE', 2),
      expectStatus(200),
    ]);
    expect(peer.ends).toEqual(['remote bye']);
  }),
  row('RFC 3261 section 9.2: a CANCEL of nothing is 481', async (peer) => {
    await peer.sippCalls([cancel, expectStatus(481, { check: { CSeq: '1 CANCEL' } })]);
    expect(peer.ends).toEqual([]);
  }),
  row('RFC 3261 section 9.1: our CANCEL waits for the 100 of sipp', async (peer) => {
    const sipp = await peer.sippWaits([
      receive('INVITE', keepInvite),
      pause(100),
      response('100 Trying'),
      ...takesCancel,
    ]);
    peer.call(sipp.target).cancel();
    await sipp.done();
    expect(peer.ends).toEqual(['failed 487']);
    const messages = peer.messages();
    expect(messages.indexOf('out CANCEL')).toBeGreaterThan(messages.indexOf('in 100'));
  }),
  row('RFC 3261 section 9.1: we cancel after 100', async (peer) => {
    const sipp = await peer.sippWaits([receive('INVITE', keepInvite), response('100 Trying'), ...takesCancel]);
    const call = peer.call(sipp.target);
    await pauseMs(120);
    call.cancel();
    await sipp.done();
    expect(peer.failures).toMatchObject([{ status: 487, received: true }]);
  }),
  row('RFC 3261 section 9.1: we cancel after 180', async (peer) => {
    const sipp = await peer.sippWaits([
      receive('INVITE', keepInvite),
      response('180 Ringing', { tag: true }),
      ...takesCancel,
    ]);
    const call = peer.call(sipp.target, {
      onProvisional: () => {
        call.cancel();
      },
    });
    await sipp.done();
    expect(peer.failures).toMatchObject([{ status: 487, received: true }]);
  }),
  row('RFC 3262: we cancel after a reliable 183', async (peer) => {
    const sipp = await peer.sippWaits([
      receive('INVITE', { ...keepInvite, check: { Supported: '100rel' } }),
      response('183 Session Progress', { tag: true, headers: ['Require: 100rel', 'RSeq: 17'], sdp: true }),
      receive('PRACK', { check: { RAck: '17 1 INVITE' } }),
      response('200 OK'),
      ...takesCancel,
    ]);
    const call = peer.call(sipp.target, {
      onProvisional: () => {
        void pauseMs(100).then(() => {
          call.cancel();
        });
      },
    });
    await sipp.done();
    expect(peer.failures).toMatchObject([{ status: 487, received: true }]);
  }),
  row('RFC 3261 section 9.1: our CANCEL crosses the 200 of sipp: acknowledged and ended', async (peer) => {
    const sipp = await peer.sippWaits([
      receive('INVITE', keepInvite),
      response('180 Ringing', { tag: true }),
      receive('CANCEL'),
      response('200 OK', { tag: true }),
      laterResponse('200 OK', { sdp: true, repeat: false }),
      receive('ACK'),
      receive('BYE', { check: { CSeq: '2 BYE' } }),
      response('200 OK'),
    ]);
    const call = peer.call(sipp.target, {
      onProvisional: () => {
        call.cancel();
      },
    });
    await sipp.done();
    expect(peer.failures).toMatchObject([{ status: 487 }]);
    expect(peer.ends).toEqual(['failed 487']);
  }),
];
