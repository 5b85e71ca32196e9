import { expect } from 'vitest';
import {
  KEEP_REQUEST,
  calleeRequest,
  callerRequest,
  expectStatus,
  keptResponse,
  pause,
  receive,
  response,
} from './scenario.ts';
import { sampleSdp } from '../sdp.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

const trying = expectStatus(100, { optional: true });
const answered = [
  receive('INVITE', { keep: { peer: 'From' } }),
  response('200 OK', { tag: true, repeat: true, sdp: true }),
  receive('ACK'),
];
const endsCall = (sequence: number): string[] => [callerRequest('BYE', sequence), expectStatus(200)];
const takesBye = [receive('BYE'), response('200 OK')];
const directionOf = (sdp: string | undefined): string =>
  /^a=(sendrecv|sendonly|recvonly|inactive)/m.exec(sdp ?? '')?.[1] ?? 'none';
/** The answer to a direction of the peer. */
const MIRRORED: Readonly<Record<string, string>> = { sendonly: 'recvonly', inactive: 'inactive', sendrecv: 'sendrecv' };

export const OFFERS: readonly Row[] = [
  row('RFC 3264 section 8.4: sipp holds and resumes by re-INVITE, as the caller', async (peer) => {
    const heard: string[] = [];
    peer.onCall((call) => {
      peer.listen(call, {
        onReinvite: (offer) => {
          heard.push(directionOf(offer));
          return {
            sdp: sampleSdp({ direction: MIRRORED[directionOf(offer)] ?? 'sendrecv', version: heard.length + 1 }),
          };
        },
        onAcked: ({ initial }) => heard.push(initial ? 'first ACK' : 'ACK'),
      });
      call.answer(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { sdp: true }),
      trying,
      expectStatus(200),
      callerRequest('ACK', 1),
      callerRequest('INVITE', 2, { sdp: 'sendonly', sdpVersion: 2 }),
      trying,
      expectStatus(200, { contains: ['a=recvonly'] }),
      callerRequest('ACK', 2),
      callerRequest('INVITE', 3, { sdp: true, sdpVersion: 3 }),
      trying,
      expectStatus(200, { contains: ['a=sendrecv'] }),
      callerRequest('ACK', 3),
      pause(50),
      ...endsCall(4),
    ]);
    expect(heard).toEqual(['first ACK', 'sendonly', 'ACK', 'sendrecv', 'ACK']);
    expect(peer.ends).toEqual(['remote bye']);
  }),
  row('RFC 3264 section 8.4: sipp holds and resumes by re-INVITE, as the callee', async (peer) => {
    const heard: string[] = [];
    const sipp = await peer.sippWaits([
      ...answered,
      calleeRequest('INVITE', 1, { sdp: 'inactive', sdpVersion: 2 }),
      trying,
      expectStatus(200, { contains: ['a=inactive'] }),
      calleeRequest('ACK', 1),
      calleeRequest('INVITE', 2, { sdp: true, sdpVersion: 3 }),
      trying,
      expectStatus(200, { contains: ['a=sendrecv'] }),
      calleeRequest('ACK', 2),
      calleeRequest('BYE', 3),
      expectStatus(200),
    ]);
    await peer.answeredCall(sipp.target, {
      onReinvite: (offer) => {
        heard.push(directionOf(offer));
        return { sdp: sampleSdp({ direction: MIRRORED[directionOf(offer)] ?? 'sendrecv', version: heard.length + 1 }) };
      },
    });
    await sipp.done();
    expect(heard).toEqual(['inactive', 'sendrecv']);
    expect(peer.ends).toEqual(['remote bye']);
  }),
  row('RFC 3264 section 8.4: we hold and resume by re-INVITE, as the caller', async (peer) => {
    const sipp = await peer.sippWaits([
      ...answered,
      receive('INVITE', { contains: ['a=sendonly'] }),
      response('200 OK', { repeat: true, sdp: 'recvonly', sdpVersion: 2 }),
      receive('ACK'),
      receive('INVITE', { contains: ['a=sendrecv'] }),
      response('200 OK', { repeat: true, sdp: true, sdpVersion: 3 }),
      receive('ACK'),
      ...takesBye,
    ]);
    const call = await peer.answeredCall(sipp.target);
    const held = await call.reinvite(sampleSdp({ direction: 'sendonly', version: 2 }));
    expect([held.ok, held.ok && directionOf(held.sdp)]).toEqual([true, 'recvonly']);
    const resumed = await call.reinvite(sampleSdp({ version: 3 }));
    expect([resumed.ok, resumed.ok && directionOf(resumed.sdp)]).toEqual([true, 'sendrecv']);
    call.bye();
    await sipp.done();
    expect(peer.ends).toEqual(['local bye']);
  }),
  row('RFC 3264 section 8.4: we hold and resume by re-INVITE, as the callee', async (peer) => {
    const results: unknown[] = [];
    peer.onCall((call) => {
      const change = async (): Promise<void> => {
        results.push((await call.reinvite(sampleSdp({ direction: 'sendonly', version: 2 }))).ok);
        results.push((await call.reinvite(sampleSdp({ version: 3 }))).ok);
        call.bye();
      };
      peer.listen(call, { onAcked: ({ initial }) => (initial ? void change() : undefined) });
      call.answer(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { sdp: true }),
      trying,
      expectStatus(200),
      callerRequest('ACK', 1),
      receive('INVITE', { contains: ['a=sendonly'] }),
      response('200 OK', { repeat: true, sdp: 'recvonly', sdpVersion: 2 }),
      receive('ACK'),
      receive('INVITE', { contains: ['a=sendrecv'] }),
      response('200 OK', { repeat: true, sdp: true, sdpVersion: 3 }),
      receive('ACK'),
      ...takesBye,
    ]);
    expect(results).toEqual([true, true]);
    expect(peer.ends).toEqual(['local bye']);
  }),
  row('RFC 3261 section 14.1: a re-INVITE that sipp refuses with 488 leaves the call as it was', async (peer) => {
    const sipp = await peer.sippWaits([
      ...answered,
      receive('INVITE'),
      response('488 Not Acceptable Here'),
      receive('ACK'),
      ...takesBye,
    ]);
    const call = await peer.answeredCall(sipp.target);
    await expect(call.reinvite(sampleSdp({ version: 2 }))).resolves.toMatchObject({ ok: false, status: 488 });
    call.bye();
    await sipp.done();
  }),
  row('RFC 3261 section 13.2.1: sipp calls without SDP: our offer in the 200, its answer in the ACK', async (peer) => {
    const acked: unknown[] = [];
    peer.onCall((call) => {
      expect(call.remoteOffer).toBeUndefined();
      peer.listen(call, { onAcked: ({ sdp, initial }) => acked.push([directionOf(sdp), initial]) });
      call.answer(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1),
      trying,
      expectStatus(200, { contains: ['m=audio'] }),
      callerRequest('ACK', 1, { sdp: true }),
      pause(50),
      ...endsCall(2),
    ]);
    expect(acked).toEqual([['sendrecv', true]]);
  }),
  row('RFC 3261 section 13.2.1: we call without SDP: the offer in the 200, our answer in the ACK', async (peer) => {
    const sipp = await peer.sippWaits([
      receive('INVITE', { lacks: ['m=audio'] }),
      response('200 OK', { tag: true, repeat: true, sdp: true }),
      receive('ACK', { contains: ['m=audio'] }),
      ...takesBye,
    ]);
    const offers: string[] = [];
    const late = peer.agent.invite(
      { target: sipp.target, from: { uri: 'sip:late@example.test' } },
      {
        onLateOffer: (offer) => {
          offers.push(directionOf(offer));
          return sampleSdp();
        },
        onAnswered: () => {
          late.bye();
        },
      },
    );
    await sipp.done();
    expect(offers).toEqual(['sendrecv']);
  }),
  row('RFC 3261 section 14.2: sipp re-INVITEs without SDP: we offer, it answers in the ACK', async (peer) => {
    const heard: unknown[] = [];
    peer.onCall((call) => {
      peer.listen(call, {
        onReinvite: (offer) => {
          heard.push(offer);
          return { sdp: sampleSdp({ version: 2 }) };
        },
        onAcked: ({ sdp, initial }) => heard.push([directionOf(sdp), initial]),
      });
      call.answer(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { sdp: true }),
      trying,
      expectStatus(200),
      callerRequest('ACK', 1),
      callerRequest('INVITE', 2),
      trying,
      expectStatus(200, { contains: ['m=audio'] }),
      callerRequest('ACK', 2, { sdp: 'recvonly', sdpVersion: 2 }),
      pause(50),
      ...endsCall(3),
    ]);
    expect(heard).toEqual([['none', true], undefined, ['recvonly', false]]);
  }),
  row('RFC 3261 section 14.2: a re-INVITE of sipp while ours is open is 491', async (peer) => {
    const results: unknown[] = [];
    peer.onCall((call) => {
      peer.listen(call, {
        onAcked: ({ initial }) => {
          if (initial) void call.reinvite(sampleSdp({ version: 2 })).then(({ ok }) => results.push(ok));
        },
        onReinvite: () => ({ sdp: sampleSdp({ version: 3 }) }),
      });
      call.answer(sampleSdp());
    });
    await peer.sippCalls([
      callerRequest('INVITE', 1, { sdp: true }),
      trying,
      expectStatus(200),
      callerRequest('ACK', 1),
      receive('INVITE', { keep: KEEP_REQUEST }),
      callerRequest('INVITE', 2, { sdp: true, sdpVersion: 2, transaction: 'glare' }),
      trying,
      expectStatus(491),
      callerRequest('ACK', 2, { transaction: 'glare' }),
      keptResponse('200 OK', { sdp: true, sdpVersion: 2 }),
      receive('ACK'),
      ...endsCall(3),
    ]);
    expect(results).toEqual([true]);
  }),
  row(
    'RFC 3261 section 14.1: our re-INVITE that sipp answers with 491 is tried again',
    async (peer) => {
      const sipp = await peer.sippWaits([
        ...answered,
        receive('INVITE'),
        response('491 Request Pending'),
        receive('ACK'),
        receive('INVITE'),
        response('200 OK', { repeat: true, sdp: true, sdpVersion: 2 }),
        receive('ACK'),
        ...takesBye,
      ]);
      const call = await peer.answeredCall(sipp.target);
      await expect(call.reinvite(sampleSdp({ version: 2 }))).resolves.toMatchObject({ ok: true });
      call.bye();
      await sipp.done();
    },
    { faster: 10 },
  ),
];
