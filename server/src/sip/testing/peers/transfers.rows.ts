import { expect } from 'vitest';
import { calleeRequest, callerRequest, expectStatus, pause, receive, response } from './scenario.ts';
import { sampleSdp } from '../sdp.ts';
import { pauseMs } from './peer.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

const trying = expectStatus(100, { optional: true });
const answered = [
  receive('INVITE', { keep: { peer: 'From' } }),
  response('200 OK', { tag: true, repeat: true, sdp: true }),
  receive('ACK'),
];
const report = (sequence: number, state: string, line: string): string[] => [
  calleeRequest('NOTIFY', sequence, {
    headers: ['Event: refer', `Subscription-State: ${state}`, 'Content-Type: message/sipfrag;version=2.0'],
    body: line,
  }),
  expectStatus(200, { check: { CSeq: `${String(sequence)} NOTIFY` } }),
];
const hears = (state: string, line: string): string[] => [
  receive('NOTIFY', {
    check: { Event: 'refer', 'Subscription-State': state, 'Content-Type': 'message/sipfrag' },
    contains: [line],
  }),
  response('200 OK'),
];
const takesBye = [receive('BYE'), response('200 OK')];

export const TRANSFERS: readonly Row[] = [
  row('RFC 3515: sipp refers us (blind): 202, three reports', async (peer) => {
    const targets: unknown[] = [];
    peer.onCall((call) => {
      peer.listen(call, {
        onRefer: (refer) => {
          targets.push([refer.target.uri, refer.referredBy?.uri]);
          refer.accept();
          // What happens while a report is on its way is told by the next one: here each has time to arrive.
          void pauseMs(100).then(() => {
            refer.progress(180);
          });
          void pauseMs(300).then(() => {
            refer.progress(200);
          });
        },
      });
      call.answer(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { sdp: true }),
      trying,
      expectStatus(200),
      callerRequest('ACK', 1),
      callerRequest('REFER', 2, { headers: ['Refer-To: <sip:carol@192.0.2.9>', 'Referred-By: <sip:boss@192.0.2.1>'] }),
      expectStatus(202),
      ...hears('active', 'SIP/2.0 100'),
      ...hears('active', 'SIP/2.0 180'),
      ...hears('terminated;reason=noresource', 'SIP/2.0 200'),
      callerRequest('BYE', 3),
      expectStatus(200),
    ]);
    expect(targets).toEqual([['sip:carol@192.0.2.9', 'sip:boss@192.0.2.1']]);
    expect(peer.ends).toEqual(['remote bye']);
  }),
  row('RFC 3515: sipp refers us and hangs up before it hears the result', async (peer) => {
    peer.onCall((call) => {
      let finish = (): void => undefined;
      peer.listen(call, {
        onRefer: (refer) => {
          refer.accept();
          finish = () => {
            refer.progress(486);
          };
        },
        onEnded: () => {
          finish();
        },
      });
      call.answer(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { sdp: true }),
      trying,
      expectStatus(200),
      callerRequest('ACK', 1),
      callerRequest('REFER', 2, { headers: ['Refer-To: <sip:carol@192.0.2.9>'] }),
      expectStatus(202),
      ...hears('active', 'SIP/2.0 100'),
      callerRequest('BYE', 3),
      expectStatus(200),
      ...hears('terminated', 'SIP/2.0 486'),
    ]);
    expect(peer.ends).toEqual(['remote bye']);
  }),
  row('RFC 4488: sipp refers us and wants no reports', async (peer) => {
    peer.onCall((call) => {
      peer.listen(call, {
        onRefer: (refer) => {
          expect(refer.subscribed).toBe(false);
          refer.accept();
          refer.progress(200);
        },
      });
      call.answer(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { sdp: true }),
      trying,
      expectStatus(200),
      callerRequest('ACK', 1),
      callerRequest('REFER', 2, { headers: ['Refer-To: <sip:carol@192.0.2.9>', 'Refer-Sub: false'] }),
      expectStatus(200, { check: { 'Refer-Sub': 'false', CSeq: '2 REFER' } }),
      callerRequest('BYE', 3),
      expectStatus(200),
    ]);
    expect(peer.ends).toEqual(['remote bye']);
  }),
  row('RFC 3515 section 2.4.2: a REFER of sipp that is refused, and one without Refer-To', async (peer) => {
    peer.onCall((call) => {
      peer.listen(call, {
        onRefer: (refer) => {
          refer.reject(603);
        },
      });
      call.answer(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { sdp: true }),
      trying,
      expectStatus(200),
      callerRequest('ACK', 1),
      callerRequest('REFER', 2, { headers: ['Refer-To: <sip:carol@192.0.2.9>'] }),
      expectStatus(603),
      callerRequest('REFER', 3),
      expectStatus(400),
      callerRequest('BYE', 4),
      expectStatus(200),
    ]);
    expect(peer.ends).toEqual(['remote bye']);
  }),
  row('RFC 3515: we refer sipp (blind) and hear how it goes', async (peer) => {
    const heard: unknown[] = [];
    const sipp = await peer.sippWaits([
      ...answered,
      receive('REFER', { check: { 'Refer-To': 'sip:carol@192.0.2.9', 'Referred-By': 'sip:' } }),
      response('202 Accepted'),
      ...report(1, 'active;expires=60', 'SIP/2.0 100 Trying'),
      ...report(2, 'active;expires=60', 'SIP/2.0 180 Ringing'),
      ...report(3, 'terminated;reason=noresource', 'SIP/2.0 200 OK'),
      ...takesBye,
    ]);
    const call = await peer.answeredCall(sipp.target);
    const result = await call.refer('sip:carol@192.0.2.9', { onProgress: ({ status }) => heard.push(status) });
    expect(result).toEqual({ kind: 'done', status: 200, reason: 'OK' });
    expect(heard).toEqual([100, 180]);
    call.bye();
    await sipp.done();
  }),
  row('RFC 3515: we refer sipp and it refuses, agrees and fails, agrees and never says', async (peer) => {
    const sipp = await peer.sippWaits([
      ...answered,
      receive('REFER'),
      response('603 Decline'),
      receive('REFER'),
      response('202 Accepted'),
      ...report(1, 'terminated;reason=noresource', 'SIP/2.0 486 Busy Here'),
      receive('REFER'),
      response('202 Accepted'),
      ...report(2, 'terminated;reason=timeout', 'SIP/2.0 100 Trying'),
      ...takesBye,
    ]);
    const call = await peer.answeredCall(sipp.target);
    const target = 'sip:carol@192.0.2.9';
    await expect(call.refer(target)).resolves.toMatchObject({ kind: 'refused', status: 603 });
    await expect(call.refer(target)).resolves.toMatchObject({ kind: 'done', status: 486 });
    await expect(call.refer(target)).resolves.toMatchObject({ kind: 'unknown' });
    call.bye();
    await sipp.done();
  }),
  row('RFC 3891: a second call of sipp takes the place of the first, which gets a BYE', async (peer) => {
    const replaced: (string | undefined)[] = [];
    peer.onReplaces((call) => {
      replaced.push(call.replaces?.callId);
      peer.listen(call);
      call.answer(sampleSdp());
    });
    const first = await peer.sippWaits([...answered, receive('BYE', { check: { Reason: 'SIP' } }), response('200 OK')]);
    const call = await peer.answeredCall(first.target);
    const { callId, localTag, remoteTag } = call.dialogId ?? {};
    await peer.sippCalls([
      callerRequest('INVITE', 1, {
        sdp: true,
        headers: [
          `Replaces: ${String(callId)};to-tag=${String(localTag)};from-tag=${String(remoteTag)}`,
          'Require: replaces',
        ],
      }),
      trying,
      expectStatus(200),
      callerRequest('ACK', 1),
      pause(50),
      callerRequest('BYE', 2),
      expectStatus(200),
    ]);
    await first.done();
    expect(replaced).toEqual([call.callId]);
    expect(peer.ends).toEqual(['local bye', 'remote bye']);
  }),
  row('RFC 3891: a Replaces of nothing that we know is 481', async (peer) => {
    await peer.sippCalls([
      callerRequest('INVITE', 1, {
        sdp: true,
        transaction: 'inv',
        headers: ['Replaces: nobody@192.0.2.1;to-tag=a;from-tag=b', 'Require: replaces'],
      }),
      trying,
      expectStatus(481),
      callerRequest('ACK', 1, { transaction: 'inv' }),
    ]);
    expect(peer.ends).toEqual([]);
  }),
];
