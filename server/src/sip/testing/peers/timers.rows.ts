import { expect } from 'vitest';
import { calleeRequest, callerRequest, expectStatus, pause, receive, response } from './scenario.ts';
import { sampleSdp } from '../sdp.ts';
import { pauseMs } from './peer.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

/** The least interval is 90 s: it is two seconds here. */
const FASTER = 45;
const OPTIONS = { faster: FASTER, agent: { sessionTimer: { interval: 90 } } } as const;
const HALF_MS = 45_000 / FASTER;
const ALLOW = 'Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE';
const NO_UPDATE = 'Allow: INVITE, ACK, BYE, CANCEL';
const trying = expectStatus(100, { optional: true });
const timer = (value: string): string[] => ['Supported: timer', `Session-Expires: ${value}`];
const agreed = (value: string, allow = ALLOW): string[] => ['Require: timer', `Session-Expires: ${value}`, allow];

export const TIMERS: readonly Row[] = [
  row(
    'RFC 4028: we call and refresh by UPDATE',
    async (peer) => {
      const refresh = [
        receive('UPDATE', { check: { 'Session-Expires': '90;refresher=uac', Supported: 'timer' }, lacks: ['m=audio'] }),
        response('200 OK', { headers: agreed('90;refresher=uac') }),
      ];
      const sipp = await peer.sippWaits([
        receive('INVITE', { check: { 'Session-Expires': '90', Supported: 'timer' } }),
        response('200 OK', { tag: true, repeat: true, headers: agreed('90;refresher=uac'), sdp: true }),
        receive('ACK'),
        ...refresh,
        ...refresh,
        receive('BYE'),
        response('200 OK'),
      ]);
      const call = await peer.answeredCall(sipp.target);
      await pauseMs(2.4 * HALF_MS);
      call.bye();
      await sipp.done();
      expect(peer.ends).toEqual(['local bye']);
    },
    OPTIONS,
  ),
  row(
    'RFC 4028: we are called and refresh by re-INVITE, as sipp does not allow UPDATE',
    async (peer) => {
      peer.onCall((call) => {
        peer.listen(call, { onReinvite: () => ({ sdp: sampleSdp() }) });
        call.answer(sampleSdp());
      });
      await peer.sippCalls([
        callerRequest('INVITE', 1, { headers: [...timer('90;refresher=uas'), NO_UPDATE], sdp: true }),
        trying,
        expectStatus(200, { check: { 'Session-Expires': '90;refresher=uas' } }),
        callerRequest('ACK', 1),
        receive('INVITE', { check: { 'Session-Expires': '90;refresher=uac' }, contains: ['m=audio'] }),
        response('200 OK', { repeat: true, headers: agreed('90;refresher=uac', NO_UPDATE), sdp: true }),
        receive('ACK'),
        callerRequest('BYE', 2),
        expectStatus(200),
      ]);
      expect(peer.ends).toEqual(['remote bye']);
    },
    OPTIONS,
  ),
  row(
    'RFC 4028: sipp calls and refreshes by UPDATE and by re-INVITE',
    async (peer) => {
      let reinvites = 0;
      peer.onCall((call) => {
        peer.listen(call, {
          onReinvite: () => {
            reinvites++;
            return { sdp: sampleSdp() };
          },
        });
        call.answer(sampleSdp());
      });
      await peer.sippCalls([
        callerRequest('INVITE', 1, { headers: [...timer('90;refresher=uac'), ALLOW], sdp: true }),
        trying,
        expectStatus(200, { check: { 'Session-Expires': '90;refresher=uac', Require: 'timer' } }),
        callerRequest('ACK', 1),
        pause(HALF_MS),
        callerRequest('UPDATE', 2, { headers: timer('90;refresher=uac') }),
        expectStatus(200, { check: { 'Session-Expires': '90;refresher=uac' } }),
        pause(HALF_MS),
        callerRequest('INVITE', 3, { headers: timer('90;refresher=uac'), sdp: true }),
        trying,
        expectStatus(200, { check: { 'Session-Expires': '90;refresher=uac' } }),
        callerRequest('ACK', 3),
        pause(HALF_MS),
        callerRequest('BYE', 4),
        expectStatus(200),
      ]);
      expect(reinvites).toBe(1);
      expect(peer.ends).toEqual(['remote bye']);
    },
    OPTIONS,
  ),
  row(
    'RFC 4028: sipp is called and refreshes by UPDATE',
    async (peer) => {
      const sipp = await peer.sippWaits([
        receive('INVITE', { keep: { peer: 'From' } }),
        response('200 OK', { tag: true, repeat: true, headers: agreed('90;refresher=uas'), sdp: true }),
        receive('ACK'),
        pause(HALF_MS),
        calleeRequest('UPDATE', 1, { headers: timer('90;refresher=uac') }),
        expectStatus(200, { check: { 'Session-Expires': '90;refresher=uac' } }),
        pause(HALF_MS),
        calleeRequest('BYE', 2),
        expectStatus(200),
      ]);
      await peer.answeredCall(sipp.target);
      await sipp.done();
      expect(peer.ends).toEqual(['remote bye']);
    },
    OPTIONS,
  ),
  row(
    'RFC 4028 section 10: sipp calls, promises to refresh and does not: BYE with a Reason',
    async (peer) => {
      peer.onCall((call) => {
        peer.listen(call);
        call.answer(sampleSdp());
      });
      await peer.sippCalls([
        callerRequest('INVITE', 1, { headers: timer('90;refresher=uac'), sdp: true }),
        trying,
        expectStatus(200),
        callerRequest('ACK', 1),
        receive('BYE', { check: { Reason: 'SIP *;cause=408' } }),
        response('200 OK'),
      ]);
      expect(peer.endings).toEqual([{ by: 'network', cause: 'session-expired' }]);
    },
    OPTIONS,
  ),
  row(
    'RFC 4028 section 10: sipp is called, promises to refresh and does not: BYE with a Reason',
    async (peer) => {
      const sipp = await peer.sippWaits([
        receive('INVITE'),
        response('200 OK', { tag: true, repeat: true, headers: agreed('90;refresher=uas'), sdp: true }),
        receive('ACK'),
        receive('BYE', { check: { Reason: 'SIP *;cause=408' } }),
        response('200 OK'),
      ]);
      await peer.answeredCall(sipp.target);
      await sipp.done();
      expect(peer.ends).toEqual(['network session-expired']);
    },
    OPTIONS,
  ),
  row(
    'RFC 4028 section 10: sipp answers our refresh with 481: the call is over',
    async (peer) => {
      const sipp = await peer.sippWaits([
        receive('INVITE'),
        response('200 OK', { tag: true, repeat: true, headers: agreed('90;refresher=uac'), sdp: true }),
        receive('ACK'),
        receive('UPDATE'),
        response('481 Call/Transaction Does Not Exist'),
        receive('BYE'),
        response('481 Call/Transaction Does Not Exist'),
      ]);
      await peer.answeredCall(sipp.target);
      await sipp.done();
      expect(peer.endings).toEqual([{ by: 'network', cause: 'dialog-gone', sipStatus: 481 }]);
    },
    OPTIONS,
  ),
  row(
    'RFC 4028 section 6: a short interval of sipp is refused with 422 and Min-SE',
    async (peer) => {
      peer.onCall((call) => {
        peer.listen(call);
        call.answer(sampleSdp());
      });
      await peer.sippCalls([
        callerRequest('INVITE', 1, { headers: timer('50'), sdp: true, transaction: 'small' }),
        trying,
        expectStatus(422, { check: { 'Min-SE': '90' } }),
        callerRequest('ACK', 1, { transaction: 'small' }),
        callerRequest('INVITE', 2, { headers: [...timer('120;refresher=uac'), 'Min-SE: 90'], sdp: true, toTag: false }),
        trying,
        expectStatus(200, { check: { 'Session-Expires': '90;refresher=uac' } }),
        callerRequest('ACK', 2),
        pause(50),
        callerRequest('BYE', 3),
        expectStatus(200),
      ]);
      expect(peer.ends).toEqual(['remote bye']);
    },
    OPTIONS,
  ),
  row(
    'RFC 4028 section 7.3: sipp wants longer intervals (422): we ask again with its Min-SE',
    async (peer) => {
      const sipp = await peer.sippWaits([
        receive('INVITE', { check: { 'Session-Expires': '90' } }),
        response('422 Session Interval Too Small', { tag: true, headers: ['Min-SE: 300'] }),
        receive('ACK'),
        receive('INVITE', { check: { 'Session-Expires': '300', 'Min-SE': '300', CSeq: '2 INVITE' } }),
        response('200 OK', { tag: true, repeat: true, headers: agreed('300;refresher=uac'), sdp: true }),
        receive('ACK'),
        receive('BYE'),
        response('200 OK'),
      ]);
      const call = await peer.answeredCall(sipp.target);
      call.bye();
      await sipp.done();
      expect(peer.ends).toEqual(['local bye']);
    },
    OPTIONS,
  ),
];
