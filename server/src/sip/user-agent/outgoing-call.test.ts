import { describe, expect, it } from 'vitest';
import { settle } from '../../kernel/clock.fake.ts';
import { testAgent } from '../testing/agent.ts';
import type { TestAgent } from '../testing/agent.ts';
import { requestText, responseText } from '../testing/messages.ts';
import { sampleSdp } from '../testing/sdp.ts';
import { headerOf } from '../testing/transport.fake.ts';
import type { InviteOptions, OutgoingCall, OutgoingCallListener } from './api.ts';

const T1 = 500;

interface Placed {
  readonly call: OutgoingCall;
  readonly invite: string;
  /** What the listener heard, in order. */
  readonly heard: unknown[];
}

function place(test: TestAgent, options: Partial<InviteOptions> = {}, more: OutgoingCallListener = {}): Placed {
  const heard: unknown[] = [];
  const call = test.agent.invite(
    {
      target: 'sip:+15550111@127.0.0.1:5070',
      from: { uri: 'sip:+15550100@h', displayName: 'Me' },
      sdp: sampleSdp(),
      ...options,
    },
    {
      onProvisional: ({ status, sdp, earlyDialog }) =>
        heard.push(['provisional', status, sdp !== undefined, earlyDialog]),
      onAnswered: ({ sdp }) => heard.push(['answered', sdp !== undefined]),
      onFailed: ({ status, received, contacts }) => heard.push(['failed', status, received, ...contacts]),
      onEnded: (end) => heard.push(['ended', end]),
      ...more,
    },
  );
  return { call, invite: test.transport.take().at(-1) ?? '', heard };
}

function answer(test: TestAgent, placed: Placed, toTag = 'peer'): void {
  test.transport.deliver(responseText(placed.invite, '200 OK', { toTag, body: sampleSdp() }));
}

function expectNothingLeft(test: TestAgent): void {
  test.clock.advance(64 * T1 * 3);
  expect(test.clock.pendingTimers).toBe(0);
  expect(test.agent.stats).toMatchObject({ transactions: 0, dialogs: 0, calls: 0 });
  expect(test.errors).toEqual([]);
}

/** The peer's request in the dialog of our INVITE. */
function fromPeer(placed: Placed, method: string, sequence: number): string {
  return requestText({
    method,
    sequence,
    branch: `z9hG4bK-peer-${method}-${sequence}`,
    callId: headerOf(placed.invite, 'Call-ID'),
    from: `From: ${headerOf(placed.invite, 'To')};tag=peer`,
    to: `To: ${headerOf(placed.invite, 'From')}`,
  });
}

describe('an outgoing call', () => {
  it('hands over the X- headers of the final response, whichever it is', () => {
    for (const status of ['200 OK', '603 Decline']) {
      const test = testAgent();
      const told: unknown[] = [];
      const placed = place(
        test,
        {},
        {
          onAnswered: ({ headers }) => told.push(headers),
          onFailed: ({ headers }) => told.push(headers),
        },
      );
      const options = { toTag: 'peer', body: sampleSdp(), extra: ['X-Queue: sales', 'Subject: no'] };
      test.transport.deliver(responseText(placed.invite, status, options));
      expect(told).toEqual([[{ name: 'X-Queue', value: 'sales' }]]);
      placed.call.bye();
      if (status === '200 OK') {
        const bye = test.transport.take().at(-1) ?? '';
        test.transport.deliver(responseText(bye, '200 OK'));
      }
      expectNothingLeft(test);
    }
  });

  it('RFC 3261 section 13.2: INVITE, early media, answer, ACK, BYE', () => {
    const test = testAgent();
    const placed = place(test, { headers: [{ name: 'X-Call', value: '1' }], nextHop: 'sip:127.0.0.1:5090' });
    expect(placed.invite).toMatch(
      /^INVITE sip:\+15550111@127.0.0.1:5070 SIP\/2.0\r\nVia: SIP\/2.0\/UDP 127.0.0.1:5060;branch=z9hG4bK[0-9a-f]{24};rport\r\n/,
    );
    expect(headerOf(placed.invite, 'Route')).toBe('<sip:127.0.0.1:5090;lr>');
    expect(headerOf(placed.invite, 'X-Call')).toBe('1');
    expect(headerOf(placed.invite, 'From')).toMatch(/^"Me" <sip:\+15550100@h>;tag=[0-9a-f]{16}$/);
    test.transport.deliver(responseText(placed.invite, '100 Trying'));
    test.transport.deliver(responseText(placed.invite, '183 Progress', { toTag: 'peer', body: sampleSdp() }));
    answer(test, placed);
    expect(test.transport.takeLines()).toEqual(['ACK sip:peer@127.0.0.1:5070 SIP/2.0 | 1 ACK']);
    placed.call.bye();
    expect(test.transport.takeLines()).toEqual(['BYE sip:peer@127.0.0.1:5070 SIP/2.0 | 2 BYE']);
    expect(placed.heard).toEqual([
      ['provisional', 183, true, 'peer'],
      ['answered', true],
      ['ended', { by: 'local', cause: 'bye' }],
    ]);
    expectNothingLeft(test);
  });

  it('RFC 3261 section 13.2.2.4: a repeated 2xx gets the same ACK again', () => {
    const test = testAgent();
    const placed = place(test);
    answer(test, placed);
    const [first] = test.transport.take();
    answer(test, placed);
    expect(test.transport.take()).toEqual([first]);
    expect(placed.heard).toHaveLength(1);
    test.agent.close();
    expectNothingLeft(test);
  });

  it('RFC 3261 section 13.2.2.4: the 2xx of another fork is acknowledged and ended', () => {
    const test = testAgent();
    const placed = place(test);
    test.transport.deliver(responseText(placed.invite, '180 Ringing', { toTag: 'fork-1' }));
    test.transport.deliver(responseText(placed.invite, '180 Ringing', { toTag: 'fork-2' }));
    answer(test, placed, 'fork-2');
    answer(test, placed, 'fork-1');
    const [, ack = '', bye = ''] = test.transport.take();
    expect([headerOf(ack, 'CSeq'), headerOf(bye, 'CSeq')]).toEqual(['1 ACK', '2 BYE']);
    expect(headerOf(bye, 'To')).toMatch(/;tag=fork-1$/);
    answer(test, placed, 'fork-1');
    expect(test.transport.take()).toEqual([ack]);
    expect(placed.heard).toEqual([
      ['provisional', 180, false, 'fork-1'],
      ['provisional', 180, false, 'fork-2'],
      ['answered', true],
    ]);
    test.agent.close();
    expectNothingLeft(test);
  });

  it('RFC 3261 section 17.1.1.3: a refusal is acknowledged by the transaction, also when repeated', () => {
    const test = testAgent();
    const placed = place(test);
    const busy = responseText(placed.invite, '486 Busy Here', { toTag: 'peer', extra: ['Reason: Q.850;cause=17'] });
    test.transport.deliver(busy);
    test.transport.deliver(busy);
    const acks = test.transport.take();
    expect(acks).toHaveLength(2);
    expect(headerOf(acks[0] ?? '', 'Via')).toBe(headerOf(placed.invite, 'Via'));
    expect(placed.heard).toEqual([['failed', 486, true]]);
    expectNothingLeft(test);
  });

  it('RFC 3261 section 8.1.3.4: a redirection is a failure with its contacts by q', () => {
    const test = testAgent();
    const placed = place(test);
    const extra = ['Contact: <sip:second@h>;q=0.2, <sip:first@h>;q=0.9'];
    test.transport.deliver(
      responseText(placed.invite, '302 Moved', { toTag: 'p', contact: '<sip:third@h>;q=0.1', extra }),
    );
    expect(placed.heard).toEqual([['failed', 302, true, 'sip:first@h', 'sip:second@h', 'sip:third@h']]);
    expectNothingLeft(test);
  });

  it('RFC 3261 section 9.1: CANCEL waits for a provisional response, carries the reason, and 487 ends it', () => {
    const test = testAgent();
    const placed = place(test);
    placed.call.cancel({ protocol: 'SIP', cause: 200, text: 'answered elsewhere' });
    placed.call.cancel();
    expect(test.transport.take()).toEqual([]);
    test.transport.deliver(responseText(placed.invite, '100 Trying'));
    const [cancel = ''] = test.transport.take();
    expect(cancel).toMatch(/^CANCEL sip:\+15550111@127.0.0.1:5070 /);
    expect(headerOf(cancel, 'Via')).toBe(headerOf(placed.invite, 'Via'));
    expect(headerOf(cancel, 'Reason')).toBe('SIP;cause=200;text="answered elsewhere"');
    test.transport.deliver(responseText(cancel, '200 OK', { toTag: 'p' }));
    expect(placed.heard).toEqual([]);
    test.transport.deliver(responseText(placed.invite, '487 Request Terminated', { toTag: 'p' }));
    expect(placed.heard).toEqual([['failed', 487, true]]);
    expectNothingLeft(test);
  });

  it('RFC 3261 section 9.1: an answer that crosses our CANCEL is acknowledged and ended', () => {
    const test = testAgent();
    const placed = place(test);
    test.transport.deliver(responseText(placed.invite, '180 Ringing', { toTag: 'peer' }));
    placed.call.cancel();
    answer(test, placed);
    expect(test.transport.takeLines().map((line) => line.split(' ')[0])).toEqual(['CANCEL', 'ACK', 'BYE']);
    expect(placed.heard).toEqual([
      ['provisional', 180, false, 'peer'],
      ['failed', 487, false],
    ]);
    expectNothingLeft(test);
  });

  it('RFC 3261 section 9.1: a peer that never ends a cancelled INVITE costs 64*T1', () => {
    const test = testAgent();
    const placed = place(test, { timeoutMs: 30_000 });
    test.transport.deliver(responseText(placed.invite, '180 Ringing', { toTag: 'peer' }));
    test.clock.advance(30_000);
    expect(test.transport.takeLines()[0]).toMatch(/^CANCEL /);
    test.clock.advance(64 * T1);
    expect(placed.heard.at(-1)).toEqual(['failed', 408, false]);
    expectNothingLeft(test);
  });

  it('silence until the ring time-out is told at once; a late answer is acknowledged and ended', () => {
    const test = testAgent();
    const placed = place(test, { timeoutMs: 3000 });
    test.clock.advance(3000);
    expect(placed.heard).toEqual([['failed', 408, false]]);
    test.transport.take();
    test.transport.deliver(responseText(placed.invite, '180 Ringing', { toTag: 'peer' }));
    expect(test.transport.takeLines()[0]).toMatch(/^CANCEL /);
    answer(test, placed);
    expect(test.transport.takeLines().map((line) => line.split(' ')[0])).toEqual(['ACK', 'BYE']);
    expect(placed.heard).toHaveLength(1);
    expectNothingLeft(test);
  });

  it('RFC 3261 section 17.1.1.2: silence is 408 after 64*T1, with A doubling meanwhile', () => {
    const test = testAgent();
    const placed = place(test);
    test.clock.advance(64 * T1 - 1);
    expect(test.transport.take()).toHaveLength(6);
    test.clock.advance(1);
    expect(placed.heard).toEqual([['failed', 408, false]]);
    expectNothingLeft(test);
  });

  it('RFC 3261 section 8.1.3.1: what cannot be sent is 503, what cannot be written 400', async () => {
    const test = testAgent();
    test.transport.failure = new Error('no route');
    const unsent = place(test);
    await settle();
    expect(unsent.heard).toEqual([['failed', 503, false]]);
    const evil = [{ name: 'X', value: 'a\r\nEvil: 1' }];
    const wrong = [
      place(test, { headers: evil }),
      place(test, { headers: [{ name: 'Via', value: 'x' }] }),
      place(test, { target: 'nonsense' }),
      place(test, { target: 'tel:+15550111' }),
    ];
    expect(wrong.map(({ heard }) => heard)).toEqual([[], [], [], []]);
    await settle();
    expect(wrong.map(({ heard }) => heard)).toEqual(Array(4).fill([['failed', 400, false]]));
    expect(test.transport.take()).toEqual([]);
    expectNothingLeft(test);
  });

  it('RFC 3261 section 16.6 item 3: a call that goes on has the hops left that it is given; with none left it fails with 483', async () => {
    const test = testAgent();
    const [own, routed, last] = [place(test), place(test, { maxForwards: 12 }), place(test, { maxForwards: 0 })];
    expect([own, routed, last].map(({ invite }) => headerOf(invite, 'Max-Forwards'))).toEqual(['70', '12', '0']);
    const none = place(test, { maxForwards: -1 });
    const strange = place(test, { maxForwards: 256 });
    await settle();
    expect([none.invite, none.heard, strange.heard]).toEqual(['', [['failed', 483, false]], [['failed', 400, false]]]);
    for (const { call } of [own, routed, last]) call.cancel();
    expectNothingLeft(test);
  });

  it('RFC 3261 section 22.3: answers a 407 with a new CSeq and branch, and gives up when refused again', () => {
    const test = testAgent();
    const placed = place(test, { credentials: { username: 'alice', password: 'secret' } });
    const challenge = (stale: boolean): string[] => [
      `Proxy-Authenticate: Digest realm="r", nonce="n${stale}", algorithm=SHA-256, qop="auth", stale=${stale}`,
    ];
    test.transport.deliver(
      responseText(placed.invite, '407 Proxy Authentication Required', { toTag: 'p', extra: challenge(false) }),
    );
    const [, second = ''] = test.transport.take();
    expect(headerOf(second, 'CSeq')).toBe('2 INVITE');
    expect(headerOf(second, 'Call-ID')).toBe(headerOf(placed.invite, 'Call-ID'));
    expect(headerOf(second, 'Via')).not.toBe(headerOf(placed.invite, 'Via'));
    expect(headerOf(second, 'Proxy-Authorization')).toMatch(/^Digest username="alice".*nc=00000001/);
    test.transport.deliver(
      responseText(second, '407 Proxy Authentication Required', { toTag: 'p', extra: challenge(true) }),
    );
    const [, third = ''] = test.transport.take();
    expect(headerOf(third, 'CSeq')).toBe('3 INVITE');
    test.transport.deliver(
      responseText(third, '407 Proxy Authentication Required', { toTag: 'p', extra: challenge(false) }),
    );
    expect(placed.heard).toEqual([['failed', 407, true]]);
    expectNothingLeft(test);
  });

  it('late offer: the ACK carries the answer; without one the call is acknowledged and ended', async () => {
    const test = testAgent();
    const placed = place(test, {}, { onLateOffer: (offer) => Promise.resolve(offer.replace('40000', '40404')) });
    expect(headerOf(placed.invite, 'Content-Type')).toBe('application/sdp');
    const call = test.agent.invite(
      { target: 'sip:a@127.0.0.1', from: { uri: 'sip:b@h' } },
      { onLateOffer: (offer) => offer.replace('40000', '40404'), onAnswered: () => placed.heard.push('late answered') },
    );
    const [invite = ''] = test.transport.take();
    expect(headerOf(invite, 'Content-Length')).toBe('0');
    test.transport.deliver(responseText(invite, '200 OK', { toTag: 'p', body: sampleSdp() }));
    await settle();
    expect(test.transport.take()[0]).toContain('m=audio 40404 ');
    expect(placed.heard).toEqual(['late answered']);
    call.bye();

    test.transport.take();
    test.agent.invite({ target: 'sip:a@127.0.0.1', from: { uri: 'sip:b@h' } }, {});
    const [other = ''] = test.transport.take();
    test.transport.deliver(responseText(other, '200 OK', { toTag: 'q', body: sampleSdp() }));
    await settle();
    expect(test.transport.takeLines().map((line) => line.split(' ')[0])).toEqual(['ACK', 'BYE']);
    test.agent.close();
    expectNothingLeft(test);
  });
});

describe('re-INVITE by us (RFC 3261 section 14.1)', () => {
  async function held(test: TestAgent): Promise<{ placed: Placed; result: Promise<unknown>; reinvite: string }> {
    const placed = place(test);
    answer(test, placed);
    test.transport.take();
    const result = placed.call.reinvite(sampleSdp({ direction: 'sendonly' }));
    await expect(placed.call.reinvite(sampleSdp())).resolves.toMatchObject({ ok: false, status: 491 });
    return { placed, result, reinvite: test.transport.take().at(-1) ?? '' };
  }

  it('is acknowledged and refreshes the target', async () => {
    const test = testAgent();
    const { placed, result, reinvite } = await held(test);
    const ok = responseText(reinvite, '200 OK', { contact: '<sip:moved@127.0.0.1:5071>', body: sampleSdp() });
    test.transport.deliver(ok);
    test.transport.deliver(ok);
    await expect(result).resolves.toEqual({ ok: true, sdp: sampleSdp() });
    const acks = test.transport.take();
    expect(acks[0]).toMatch(/^ACK sip:moved@127.0.0.1:5071 /);
    expect(acks[1]).toBe(acks[0]);
    placed.call.bye();
    expect(test.transport.takeLines()).toEqual(['BYE sip:moved@127.0.0.1:5071 SIP/2.0 | 3 BYE']);
    expectNothingLeft(test);
  });

  it('glare: 491 is tried again after 2.1 to 4 s by the side that owns the Call-ID', async () => {
    const test = testAgent();
    const { result, reinvite, placed } = await held(test);
    test.transport.deliver(fromPeer(placed, 'INVITE', 1));
    expect(test.transport.takeLines()).toEqual(['SIP/2.0 491 Request Pending | 1 INVITE']);
    test.transport.deliver(responseText(reinvite, '491 Request Pending'));
    test.transport.take();
    test.clock.advance(2099);
    expect(test.transport.takeLines().filter((line) => line.startsWith('INVITE'))).toEqual([]);
    test.clock.advance(1901);
    const retry = test.transport.take().find((text) => text.startsWith('INVITE')) ?? '';
    expect(headerOf(retry, 'CSeq')).toBe('3 INVITE');
    test.transport.deliver(responseText(retry, '200 OK', { body: sampleSdp() }));
    await expect(result).resolves.toMatchObject({ ok: true });
    test.agent.close();
    expectNothingLeft(test);
  });

  it('488 leaves the call up', async () => {
    const test = testAgent();
    const { result, reinvite, placed } = await held(test);
    test.transport.deliver(responseText(reinvite, '488 Not Acceptable Here'));
    await expect(result).resolves.toEqual({ ok: false, status: 488, reason: 'Not Acceptable Here' });
    expect(placed.heard).toEqual([['answered', true]]);
    test.agent.close();
    expectNothingLeft(test);
  });

  it.each([481, 408])('section 12.2.1.2: %i ends the dialog, with a BYE in case the peer lives', async (status) => {
    const test = testAgent();
    const { result, reinvite, placed } = await held(test);
    test.transport.deliver(responseText(reinvite, `${status} Gone`));
    await expect(result).resolves.toMatchObject({ ok: false, status });
    expect(placed.heard.at(-1)).toEqual(['ended', { by: 'network', cause: 'dialog-gone', sipStatus: status }]);
    expect(test.transport.takeLines().at(-1)).toMatch(/^BYE /);
    expectNothingLeft(test);
  });

  it('the peer hanging up meanwhile resolves it', async () => {
    const test = testAgent();
    const { result, placed } = await held(test);
    test.transport.deliver(fromPeer(placed, 'BYE', 1));
    await expect(result).resolves.toMatchObject({ ok: false, status: 481 });
    expectNothingLeft(test);
  });

  it('INFO carries its body and resolves with the status', async () => {
    const test = testAgent();
    const placed = place(test);
    answer(test, placed);
    test.transport.take();
    const status = placed.call.info('application/dtmf-relay', 'Signal=1\r\nDuration=160');
    const [info = ''] = test.transport.take();
    expect(info).toContain('Signal=1\r\nDuration=160');
    test.transport.deliver(responseText(info, '200 OK'));
    await expect(status).resolves.toBe(200);
    await expect(placed.call.info('a\r\nEvil: 1', '')).resolves.toBe(400);
    test.agent.close();
    expectNothingLeft(test);
  });
});
