import { describe, expect, it } from 'vitest';
import { settle } from '../../kernel/clock.fake.ts';
import { testAgent } from '../testing/agent.ts';
import type { TestAgent } from '../testing/agent.ts';
import { requestText } from '../testing/messages.ts';
import type { SampleRequest } from '../testing/messages.ts';
import { sampleSdp } from '../testing/sdp.ts';
import { headerOf } from '../testing/transport.fake.ts';
import type { CallEnd, IncomingCall, IncomingCallListener } from './api.ts';

const T1 = 500;

/** A request inside the dialog that our `response` created. */
function inDialog(response: string, options: SampleRequest): string {
  return requestText({
    to: `To: ${headerOf(response, 'To')}`,
    branch: `z9hG4bK-${options.method ?? ''}-${options.sequence ?? 1}`,
    ...options,
  });
}

function ring(test: TestAgent, listener: IncomingCallListener = {}, invite = requestText()): IncomingCall {
  test.transport.deliver(invite);
  const call = test.calls.at(-1);
  if (call === undefined) throw new Error('no call');
  call.listen(listener);
  return call;
}

/** Answers and acknowledges; returns our 200. */
function establish(test: TestAgent, listener: IncomingCallListener = {}): { call: IncomingCall; ok: string } {
  const call = ring(test, listener);
  call.answer(sampleSdp());
  const ok = test.transport.take().at(-1) ?? '';
  test.transport.deliver(inDialog(ok, { method: 'ACK' }));
  return { call, ok };
}

/** Nothing is left when everything has timed out. */
function expectNothingLeft(test: TestAgent): void {
  test.clock.advance(64 * T1 * 3);
  expect(test.clock.pendingTimers).toBe(0);
  expect(test.agent.stats).toMatchObject({ transactions: 0, dialogs: 0, calls: 0 });
  expect(test.errors).toEqual([]);
}

describe('an incoming call', () => {
  it('carries the facts of the INVITE', () => {
    const test = testAgent({ authorize: () => ({ allow: true, context: 'trunk-1' }) });
    const call = ring(
      test,
      {},
      requestText({ extra: ['X-Account: 7'], from: 'From: "B\u00f6b" <sip:b%20ob@h>;tag=1' }),
    );
    expect(call).toMatchObject({
      context: 'trunk-1',
      from: { uri: 'sip:b%20ob@h', displayName: 'B\u00f6b', user: 'b ob', host: 'h' },
      to: { user: '+15550100' },
      requestUri: { uri: 'sip:+15550100@127.0.0.1' },
      source: { address: '127.0.0.1', port: 5070 },
      remoteOffer: sampleSdp(),
    });
    expect(call.header('x-account')).toBe('7');
  });

  it('RFC 3261 section 17.2.1: 100 goes out within 200 ms, and not when an answer was faster', () => {
    const test = testAgent();
    const call = ring(test);
    test.clock.advance(199);
    expect(test.transport.takeLines()).toEqual([]);
    test.clock.advance(1);
    expect(test.transport.takeLines()).toEqual(['SIP/2.0 100 Trying | 1 INVITE']);
    call.reject(486);
    test.transport.take();
    test.transport.deliver(requestText({ method: 'ACK' }));
    expectNothingLeft(test);
  });

  it('RFC 3261 section 13.3.1.4: the 2xx is repeated from T1 to T2 until its ACK', () => {
    const test = testAgent();
    const acks: unknown[] = [];
    const call = ring(test, { onAcked: (event) => acks.push(event) });
    call.ring();
    call.answer(sampleSdp());
    const [ringing, ok = ''] = test.transport.take();
    expect(headerOf(ringing ?? '', 'To')).toBe(headerOf(ok, 'To'));
    const at: number[] = [];
    for (let ms = 0; ms < 12_000; ms += 100) {
      test.clock.advance(100);
      if (test.transport.take().length > 0) at.push(ms + 100);
    }
    expect(at).toEqual([500, 1500, 3500, 7500, 11_500]);
    test.transport.deliver(inDialog(ok, { method: 'ACK' }));
    test.transport.deliver(inDialog(ok, { method: 'ACK' }));
    expect(acks).toEqual([{ sdp: sampleSdp(), initial: true }].map((event) => ({ ...event, sdp: undefined })));
    test.clock.advance(60_000);
    expect(test.transport.takeLines()).toEqual([]);
    test.transport.deliver(inDialog(ok, { method: 'BYE', sequence: 2 }));
    expectNothingLeft(test);
  });

  it('RFC 3261 section 13.3.1.4: without an ACK the call ends with BYE after 64*T1', () => {
    const test = testAgent();
    const ends: CallEnd[] = [];
    ring(test, { onEnded: (end) => ends.push(end) }).answer(sampleSdp());
    test.clock.advance(64 * T1 - 1);
    expect(ends).toEqual([]);
    test.transport.take();
    test.clock.advance(1);
    expect(ends).toEqual([{ by: 'network', cause: 'ack-timeout' }]);
    expect(test.transport.takeLines()).toEqual(['BYE sip:alice@127.0.0.1:5070 SIP/2.0 | 1 BYE']);
    expectNothingLeft(test);
  });

  it('RFC 3261 section 15: our BYE waits for the ACK', () => {
    const test = testAgent();
    const call = ring(test);
    call.answer(sampleSdp());
    const ok = test.transport.take().at(-1) ?? '';
    call.bye({ protocol: 'Q.850', cause: 16, text: 'bye' });
    expect(test.transport.take()).toEqual([]);
    test.transport.deliver(inDialog(ok, { method: 'ACK' }));
    const [bye = ''] = test.transport.take();
    expect(bye).toMatch(/^BYE /);
    expect(headerOf(bye, 'Reason')).toBe('Q.850;cause=16;text="bye"');
    expectNothingLeft(test);
  });

  it('late offer: our SDP is the offer and the ACK brings the answer', () => {
    const test = testAgent();
    const acks: unknown[] = [];
    const call = ring(test, { onAcked: (event) => acks.push(event) }, requestText({ body: '' }));
    expect(call.remoteOffer).toBeUndefined();
    call.answer(sampleSdp());
    const ok = test.transport.take().at(-1) ?? '';
    test.transport.deliver(inDialog(ok, { method: 'ACK', body: sampleSdp({ port: 9 }) }));
    expect(acks).toEqual([{ sdp: sampleSdp({ port: 9 }), initial: true }]);
    test.agent.close();
    expectNothingLeft(test);
  });

  it('RFC 3261 section 9.2: CANCEL ends it with 487, an answer afterwards is ignored', () => {
    const test = testAgent();
    const reasons: unknown[] = [];
    const call = ring(test, { onCancelled: (reason) => reasons.push(reason) });
    test.transport.deliver(requestText({ method: 'CANCEL', extra: ['Reason: SIP;cause=200;text="elsewhere"'] }));
    expect(test.transport.takeLines()).toEqual([
      'SIP/2.0 200 OK | 1 CANCEL',
      'SIP/2.0 487 Request Terminated | 1 INVITE',
    ]);
    expect(reasons).toEqual([{ protocol: 'SIP', cause: 200, text: 'elsewhere' }]);
    call.answer(sampleSdp());
    call.ring();
    call.bye();
    expect(test.transport.take()).toEqual([]);
    expectNothingLeft(test);
  });

  it('RFC 3261 section 9.2: CANCEL of nothing is 481, CANCEL after the answer changes nothing', () => {
    const test = testAgent();
    test.transport.deliver(requestText({ method: 'CANCEL', branch: 'z9hG4bK-other' }));
    expect(test.transport.takeLines()).toEqual(['SIP/2.0 481 Call/Transaction Does Not Exist | 1 CANCEL']);
    const { ok } = establish(test, { onCancelled: () => expect.unreachable() });
    test.transport.deliver(requestText({ method: 'CANCEL' }));
    expect(test.transport.takeLines()).toEqual(['SIP/2.0 200 OK | 1 CANCEL']);
    test.transport.deliver(inDialog(ok, { method: 'BYE', sequence: 2 }));
    expectNothingLeft(test);
  });

  it('the peer hangs up: 200 to BYE, the reason is told, further requests get 481', () => {
    const test = testAgent();
    const ends: CallEnd[] = [];
    const { ok } = establish(test, { onEnded: (end) => ends.push(end) });
    test.transport.deliver(inDialog(ok, { method: 'BYE', sequence: 2, extra: ['Reason: Q.850;cause=17'] }));
    test.transport.deliver(inDialog(ok, { method: 'INFO', sequence: 3 }));
    expect(test.transport.takeLines()).toEqual([
      'SIP/2.0 200 OK | 2 BYE',
      'SIP/2.0 481 Call/Transaction Does Not Exist | 3 INFO',
    ]);
    expect(ends).toEqual([{ by: 'remote', cause: 'bye', reason: { protocol: 'Q.850', cause: 17 } }]);
    expectNothingLeft(test);
  });

  it('two BYEs cross: both are answered with 200', () => {
    const test = testAgent();
    const ends: CallEnd[] = [];
    const { call, ok } = establish(test, { onEnded: (end) => ends.push(end) });
    call.bye();
    test.transport.take();
    test.transport.deliver(inDialog(ok, { method: 'BYE', sequence: 2 }));
    expect(test.transport.takeLines()).toEqual(['SIP/2.0 200 OK | 2 BYE']);
    expect(ends).toEqual([{ by: 'local', cause: 'bye' }]);
    expectNothingLeft(test);
  });

  it('RFC 3261 section 12.2.2: an old CSeq is 500', () => {
    const test = testAgent();
    const { ok } = establish(test);
    test.transport.deliver(inDialog(ok, { method: 'INFO', sequence: 9 }));
    test.transport.deliver(inDialog(ok, { method: 'BYE', sequence: 8 }));
    expect(test.transport.takeLines()).toEqual([
      'SIP/2.0 415 Unsupported Media Type | 9 INFO',
      'SIP/2.0 500 CSeq Out Of Order | 8 BYE',
    ]);
    test.agent.close();
    expectNothingLeft(test);
  });

  it('RFC 3261 section 14.2: re-INVITEs; a second one while the first is open is 500, one before the ACK is 491', async () => {
    const test = testAgent();
    const replies = [Promise.withResolvers<{ sdp: string }>(), Promise.withResolvers<{ sdp: string }>()];
    let asked = 0;
    const acks: boolean[] = [];
    const { ok } = establish(test, {
      onReinvite: () => replies[asked++]?.promise ?? { status: 488 },
      onAcked: ({ initial }) => acks.push(initial),
    });
    test.transport.deliver(inDialog(ok, { sequence: 2 }));
    test.transport.deliver(inDialog(ok, { sequence: 3 }));
    expect(test.transport.takeLines()).toEqual(['SIP/2.0 500 Server Internal Error | 3 INVITE']);
    replies[0]?.resolve({ sdp: sampleSdp() });
    await settle();
    expect(test.transport.takeLines()).toEqual(['SIP/2.0 200 OK | 2 INVITE']);
    test.transport.deliver(inDialog(ok, { sequence: 4 }));
    expect(test.transport.takeLines()).toEqual(['SIP/2.0 491 Request Pending | 4 INVITE']);
    test.transport.deliver(inDialog(ok, { method: 'ACK', sequence: 2, branch: 'z9hG4bK-ack2' }));
    expect(acks).toEqual([true, false]);
    // CANCEL of an open re-INVITE leaves the call as it was.
    test.transport.deliver(inDialog(ok, { sequence: 5 }));
    test.transport.deliver(inDialog(ok, { method: 'CANCEL', sequence: 5, branch: 'z9hG4bK--5' }));
    expect(test.transport.takeLines()).toEqual([
      'SIP/2.0 200 OK | 5 CANCEL',
      'SIP/2.0 487 Request Terminated | 5 INVITE',
    ]);
    replies[1]?.resolve({ sdp: 'too late' });
    await settle();
    expect(test.transport.take()).toEqual([]);
    test.agent.close();
    expectNothingLeft(test);
  });

  it('a re-INVITE nobody listens to is 488, one whose listener fails is 500', async () => {
    const test = testAgent();
    const { call, ok } = establish(test);
    test.transport.deliver(inDialog(ok, { sequence: 2 }));
    await settle();
    expect(test.transport.takeLines()).toEqual(['SIP/2.0 488 Not Acceptable Here | 2 INVITE']);
    test.transport.deliver(inDialog(ok, { method: 'ACK', sequence: 2, branch: 'z9hG4bK--2' }));
    call.listen({ onReinvite: () => Promise.reject(new Error('listener')) });
    test.transport.deliver(inDialog(ok, { sequence: 3 }));
    await settle();
    expect(test.transport.takeLines()).toEqual(['SIP/2.0 500 Server Internal Error | 3 INVITE']);
    expect(test.errors.splice(0)).toHaveLength(1);
    test.agent.close();
    expectNothingLeft(test);
  });

  it('RFC 6086: INFO reaches the listener', () => {
    const test = testAgent();
    const infos: string[] = [];
    const { ok } = establish(test, {
      onInfo: ({ contentType, body }) => infos.push(`${contentType} ${body.toString()}`),
    });
    const info = inDialog(ok, { method: 'INFO', sequence: 2, body: 'Signal=5' });
    test.transport.deliver(info.replace('application/sdp', 'Application/dtmf-relay;x=1'));
    expect(test.transport.takeLines()).toEqual(['SIP/2.0 200 OK | 2 INFO']);
    expect(infos).toEqual(['application/dtmf-relay Signal=5']);
    test.agent.close();
    expectNothingLeft(test);
  });

  it('RFC 3261 section 13.3.1.1: ringing is repeated every minute', () => {
    const test = testAgent();
    ring(test).ring();
    test.transport.take();
    test.clock.advance(120_000);
    expect(test.transport.takeLines()).toEqual(['SIP/2.0 180 Ringing | 1 INVITE', 'SIP/2.0 180 Ringing | 1 INVITE']);
    test.agent.close();
    expect(test.transport.takeLines()).toEqual(['SIP/2.0 503 Service Unavailable | 1 INVITE']);
    expectNothingLeft(test);
  });

  it('rejects and redirects with what was given, and leaves out what cannot be written', () => {
    const test = testAgent();
    ring(test).reject(603, {
      reason: 'No thanks',
      headers: [
        { name: 'X-Why', value: 'a\r\nEvil: 1' },
        { name: 'Retry-After', value: '60' },
        { name: 'Via', value: 'x' },
      ],
      sipReason: { protocol: 'Q.850', cause: 21 },
    });
    const [declined = ''] = test.transport.take();
    expect(declined).toMatch(/^SIP\/2.0 603 No thanks\r\n/);
    expect([headerOf(declined, 'Retry-After'), headerOf(declined, 'Reason'), headerOf(declined, 'Evil')]).toEqual([
      '60',
      'Q.850;cause=21',
      '',
    ]);
    ring(test, {}, requestText({ branch: 'z9hG4bK-2', callId: 'call-2' })).redirect(['sip:a@b', 'sip:c@d']);
    expect(test.transport.take()[0]).toMatch(
      /302 Moved Temporarily\r\n[^]*Contact: <sip:a@b>;q=1.0\r\nContact: <sip:c@d>;q=0.9/,
    );
    test.clock.advance(64 * T1);
    test.transport.take();
    expectNothingLeft(test);
  });
});
