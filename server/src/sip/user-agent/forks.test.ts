import { describe, expect, it } from 'vitest';
import { settle } from '../../kernel/clock.fake.ts';
import { testAgent } from '../testing/agent.ts';
import type { TestAgent } from '../testing/agent.ts';
import { requestText, responseText } from '../testing/messages.ts';
import { sampleSdp } from '../testing/sdp.ts';
import { headerOf } from '../testing/transport.fake.ts';
import type { Endpoint } from '../transport/index.ts';
import type { InviteOptions, OutgoingCall, OutgoingCallListener } from './api.ts';

interface Placed {
  readonly test: TestAgent;
  readonly call: OutgoingCall;
  readonly invite: string;
  readonly heard: unknown[];
}

function place(options: Partial<InviteOptions> = {}, more: OutgoingCallListener = {}, test = testAgent()): Placed {
  const heard: unknown[] = [];
  const call = test.agent.invite(
    { target: 'sip:b@127.0.0.1:5070', from: { uri: 'sip:a@h' }, sdp: sampleSdp(), ...options },
    {
      onProvisional: ({ status, sdp, earlyDialog }) => heard.push([status, portOf(sdp), earlyDialog]),
      onForkEnded: ({ earlyDialog }) => heard.push(['fork ended', earlyDialog]),
      onAnswered: ({ sdp }) => heard.push(['answered', portOf(sdp)]),
      onFailed: ({ status, received }) => heard.push(['failed', status, received]),
      onEnded: ({ by, cause }) => heard.push(['ended', by, cause]),
      ...more,
    },
  );
  return { test, call, invite: test.transport.take().at(-1) ?? '', heard };
}

const portOf = (sdp: string | undefined): string | undefined => /m=audio (\d+)/.exec(sdp ?? '')?.[1];

/** A reliable 183 of one fork. */
function reliable(invite: string, toTag: string, sequence: number, port?: number): string {
  return responseText(invite, '183 Session Progress', {
    toTag,
    contact: `<sip:${toTag}@127.0.0.1:5070>`,
    extra: ['Require: 100rel', `RSeq: ${String(sequence)}`, 'Allow: INVITE, ACK, BYE, PRACK, UPDATE'],
    ...(port === undefined ? {} : { body: sampleSdp({ port }) }),
  });
}

function fromPeer({ invite }: Placed, method: string, tag: string, sequence = 1): string {
  return requestText({
    method,
    sequence,
    branch: `z9hG4bK-${method}-${tag}-${String(sequence)}`,
    callId: headerOf(invite, 'Call-ID'),
    from: `From: ${headerOf(invite, 'To')};tag=${tag}`,
    to: `To: ${headerOf(invite, 'From')}`,
  });
}

function expectNothingLeft({ test }: Placed): void {
  test.clock.advance(200_000);
  expect(test.clock.pendingTimers).toBe(0);
  expect(test.agent.stats).toMatchObject({ transactions: 0, dialogs: 0, calls: 0 });
  expect(test.errors).toEqual([]);
}

describe('RFC 3261 section 13.2.2.4: an INVITE that forks', () => {
  it('has a dialog with its own numbers and its own offer/answer for each fork', async () => {
    const placed = place();
    const { test, invite, heard, call } = placed;
    test.transport.deliver(reliable(invite, 'one', 100, 41_001));
    test.transport.deliver(reliable(invite, 'two', 500, 41_002));
    test.transport.deliver(reliable(invite, 'two', 501));
    const pracks = test.transport.take();
    expect(pracks.map((text) => [text.split(' ')[1], headerOf(text, 'RAck'), headerOf(text, 'CSeq')])).toEqual([
      ['sip:one@127.0.0.1:5070', '100 1 INVITE', '2 PRACK'],
      ['sip:two@127.0.0.1:5070', '500 1 INVITE', '2 PRACK'],
      ['sip:two@127.0.0.1:5070', '501 1 INVITE', '3 PRACK'],
    ]);
    // RFC 3311: in each of them the next offer may be made.
    const update = call.update(sampleSdp({ port: 41_009 }));
    const [sent = ''] = test.transport.take();
    expect([sent.split(' ')[1], headerOf(sent, 'CSeq')]).toEqual(['sip:two@127.0.0.1:5070', '4 UPDATE']);
    test.transport.deliver(responseText(sent, '200 OK', { body: sampleSdp() }));
    await expect(update).resolves.toMatchObject({ ok: true });
    // The first fork wins: what it said about media comes again, since the other was heard of last.
    test.transport.deliver(responseText(invite, '200 OK', { toTag: 'one', contact: '<sip:one@127.0.0.1:5070>' }));
    expect(test.transport.takeLines()).toEqual(['ACK sip:one@127.0.0.1:5070 SIP/2.0 | 1 ACK']);
    expect(heard).toEqual([
      [183, '41001', 'one'],
      [183, '41002', 'two'],
      [183, undefined, 'two'],
      ['answered', '41001'],
    ]);
    // The other one answers too late: its numbers went on from its own requests.
    test.transport.deliver(responseText(invite, '200 OK', { toTag: 'two', contact: '<sip:two@127.0.0.1:5070>' }));
    const lines = test.transport.take();
    expect(lines.map((text) => headerOf(text, 'CSeq'))).toEqual(['1 ACK', '5 BYE']);
    expect(headerOf(lines[1] ?? '', 'Reason')).toBe('SIP;cause=200;text="Call completed elsewhere"');
    call.bye();
    expect(test.transport.takeLines()).toEqual(['BYE sip:one@127.0.0.1:5070 SIP/2.0 | 3 BYE']);
    expectNothingLeft(placed);
  });

  it('RFC 3262 section 4: copies are dropped, gaps neither used nor acknowledged', () => {
    const placed = place();
    const { test, invite, heard, call } = placed;
    for (const sequence of [7, 7, 9, 8, 9]) test.transport.deliver(reliable(invite, 'one', sequence));
    expect(test.transport.take().map((text) => headerOf(text, 'RAck'))).toEqual([
      '7 1 INVITE',
      '8 1 INVITE',
      '9 1 INVITE',
    ]);
    expect(heard).toHaveLength(3);
    call.cancel();
    test.transport.deliver(responseText(invite, '487 Request Terminated', { toTag: 'one' }));
    expectNothingLeft(placed);
  });

  it('RFC 6228: 199 ends one fork; BYE of ours another', () => {
    const placed = place();
    const { test, invite, heard, call } = placed;
    for (const toTag of ['one', 'two', 'three'])
      test.transport.deliver(responseText(invite, '180 Ringing', { toTag, contact: `<sip:${toTag}@127.0.0.1:5070>` }));
    expect(test.agent.stats.dialogs).toBe(3);
    test.transport.deliver(responseText(invite, '199 Early Dialog Terminated', { toTag: 'one' }));
    call.dropFork('two');
    expect(test.transport.takeLines()).toEqual(['BYE sip:two@127.0.0.1:5070 SIP/2.0 | 2 BYE']);
    test.transport.deliver(fromPeer(placed, 'BYE', 'three'));
    test.transport.deliver(fromPeer(placed, 'UPDATE', 'one'));
    expect(test.transport.takeLines()).toEqual([
      'SIP/2.0 200 OK | 1 BYE',
      'SIP/2.0 481 Call/Transaction Does Not Exist | 1 UPDATE',
    ]);
    expect(heard.slice(3)).toEqual([
      ['fork ended', 'one'],
      ['fork ended', 'three'],
    ]);
    test.transport.deliver(responseText(invite, '480 Temporarily Unavailable', { toTag: 'x' }));
    expect(heard.at(-1)).toEqual(['failed', 480, true]);
    expectNothingLeft(placed);
  });

  it.each([
    ['UPDATE', '491'],
    ['PRACK', '481'],
    ['NOTIFY', '481'],
    ['REFER', '603'],
    ['INVITE', '491'],
    ['INFO', '415'],
    ['OPTIONS', '200'],
    ['MESSAGE', '405'],
    ['FOO', '501'],
  ])('%s of the peer before the answer is %s', (method, status) => {
    const placed = place();
    const { test, invite } = placed;
    test.transport.deliver(responseText(invite, '180 Ringing', { toTag: 'peer' }));
    const request = fromPeer(placed, method, 'peer');
    // An offer, while ours is open.
    const withOffer = method === 'UPDATE' ? request.replace(/Content-Length: 0\r\n\r\n$/, offerBody()) : request;
    test.transport.deliver(withOffer);
    expect(test.transport.take()[0]?.split(' ')[1]).toBe(status);
    test.agent.close();
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('section 13.2.2.4: the route set is that of the 2xx, not that of the 180', () => {
    const placed = place();
    const { test, invite, call } = placed;
    const extra = ['Record-Route: <sip:127.0.0.1:5081;lr>'];
    test.transport.deliver(responseText(invite, '180 Ringing', { toTag: 'peer', extra }));
    const other = ['Record-Route: <sip:127.0.0.1:5082;lr;transport=tcp>, <sip:127.0.0.1:5082;lr>'];
    test.transport.deliver(responseText(invite, '200 OK', { toTag: 'peer', extra: other, body: sampleSdp() }));
    const [ack = ''] = test.transport.take();
    // RFC 5658: of the two values of one proxy ours comes first.
    expect(/Route: <sip:127.0.0.1:5082;lr>\r\nRoute: <sip:127.0.0.1:5082;lr;transport=tcp>/.test(ack)).toBe(true);
    call.bye();
    test.agent.close();
    expectNothingLeft(placed);
  });
});

function offerBody(): string {
  const body = sampleSdp();
  return `Content-Type: application/sdp\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}`;
}

describe('goodbyes and acknowledgements', () => {
  it('RFC 3261 section 22.1: the ACK carries the credentials of its INVITE', () => {
    const placed = place({ credentials: { username: 'alice', password: 'secret' } });
    const { test, invite } = placed;
    const extra = ['Proxy-Authenticate: Digest realm="r", nonce="n", algorithm=MD5'];
    test.transport.deliver(responseText(invite, '407 Proxy Authentication Required', { toTag: 'p', extra }));
    const second = test.transport.take().at(-1) ?? '';
    test.transport.deliver(responseText(second, '200 OK', { toTag: 'p', body: sampleSdp() }));
    const [ack = ''] = test.transport.take();
    expect(headerOf(ack, 'CSeq')).toBe('2 ACK');
    expect(headerOf(ack, 'Proxy-Authorization')).toBe(headerOf(second, 'Proxy-Authorization'));
    expect(headerOf(ack, 'Proxy-Authorization')).not.toBe('');
    test.agent.close();
    expectNothingLeft(placed);
  });

  it('BYE is repeated with credentials where it is asked for them', () => {
    const placed = place({ credentials: { username: 'alice', password: 'secret' } });
    const { test, invite, call } = placed;
    test.transport.deliver(responseText(invite, '200 OK', { toTag: 'p', body: sampleSdp() }));
    test.transport.take();
    call.bye();
    const [bye = ''] = test.transport.take();
    expect(headerOf(bye, 'Reason')).toBe('Q.850;cause=16;text="Normal call clearing"');
    const extra = ['WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5'];
    test.transport.deliver(responseText(bye, '401 Unauthorized', { extra }));
    const [again = ''] = test.transport.take();
    expect([headerOf(again, 'CSeq'), headerOf(again, 'Authorization').slice(0, 6)]).toEqual(['3 BYE', 'Digest']);
    expectNothingLeft(placed);
  });

  it('a call that ends while its late offer is being answered is acknowledged before its BYE', async () => {
    const slow = Promise.withResolvers<string>();
    const placed = place({ sdp: undefined as never }, { onLateOffer: () => slow.promise });
    const { test, invite, call } = placed;
    test.transport.deliver(responseText(invite, '200 OK', { toTag: 'p', body: sampleSdp() }));
    call.bye();
    slow.resolve(sampleSdp());
    await settle();
    expect(test.transport.takeLines().map((line) => line.split(' ')[0])).toEqual(['ACK', 'BYE']);
    expect(placed.heard).toEqual([['ended', 'local', 'bye']]);
    expectNothingLeft(placed);
  });

  it('a BYE does not overtake its ACK while a name is looked up', async () => {
    const found: ((endpoints: readonly Endpoint[]) => void)[] = [];
    const peer: Endpoint = { protocol: 'udp', address: '127.0.0.1', port: 5070 };
    const resolver = () =>
      new Promise<readonly Endpoint[]>((resolve) => {
        found.push(resolve);
      });
    const placed = place({ target: 'sip:b@example.test' }, {}, testAgent({}, { resolver }));
    const { test, call } = placed;
    found.shift()?.([peer]);
    await settle();
    const [invite = ''] = test.transport.take();
    const contact = '<sip:b@other.test>';
    test.transport.deliver(responseText(invite, '200 OK', { toTag: 'p', contact, body: sampleSdp() }));
    call.bye();
    await settle();
    expect([found.length, test.transport.take()]).toEqual([1, []]);
    found.shift()?.([peer]);
    await settle();
    found.shift()?.([peer]);
    await settle();
    expect(test.transport.takeLines().map((line) => line.split(' ')[0])).toEqual(['ACK', 'BYE']);
    expectNothingLeft(placed);
  });

  it('an INVITE whose call was given up while its name was looked up is never sent', async () => {
    const found = Promise.withResolvers<readonly Endpoint[]>();
    const placed = place({ target: 'sip:b@example.test' }, {}, testAgent({}, { resolver: () => found.promise }));
    placed.call.cancel();
    found.resolve([{ protocol: 'udp', address: '127.0.0.1', port: 5070 }]);
    await settle();
    expect(placed.test.transport.take()).toEqual([]);
    expect(placed.heard).toEqual([['failed', 487, false]]);
    expectNothingLeft(placed);
  });

  it('end() waits for the answers to its BYEs and CANCELs, for as long as it is told to', async () => {
    const placed = place();
    const { test, invite } = placed;
    test.transport.deliver(responseText(invite, '200 OK', { toTag: 'p', body: sampleSdp() }));
    const ringing = place({}, {}, test);
    test.transport.deliver(responseText(ringing.invite, '180 Ringing', { toTag: 'q' }));
    test.transport.take();
    let ended = false;
    const end = test.agent.end({ timeoutMs: 3000 }).then(() => (ended = true));
    const [bye = ''] = test.transport.take();
    expect(bye).toMatch(/^BYE /);
    await test.clock.advanceAsync(600);
    expect([ended, test.transport.takeLines().length]).toEqual([false, 2]);
    test.transport.deliver(responseText(bye, '200 OK'));
    test.transport.deliver(responseText(ringing.invite, '487 Request Terminated', { toTag: 'q' }));
    await end;
    expect([placed.heard.at(-1), ringing.heard.at(-1)]).toEqual([
      ['ended', 'local', 'closed'],
      ['failed', 487, false],
    ]);
    expect(test.clock.pendingTimers).toBe(0);
    // Nobody answers: it does not wait for ever.
    const other = place();
    other.test.transport.deliver(responseText(other.invite, '200 OK', { toTag: 'p', body: sampleSdp() }));
    const bounded = other.test.agent.end();
    await other.test.clock.advanceAsync(4000);
    await bounded;
    expect(other.test.clock.pendingTimers).toBe(0);
  });

  it('RFC 6086 section 4.2.2: a package that was never agreed on is 469', () => {
    const placed = place();
    const { test, invite } = placed;
    test.transport.deliver(responseText(invite, '200 OK', { toTag: 'peer', body: sampleSdp() }));
    test.transport.take();
    test.transport.deliver(
      fromPeer(placed, 'INFO', 'peer').replace('Max-Forwards: 70', 'Max-Forwards: 0\r\nInfo-Package: foo'),
    );
    const [refused = ''] = test.transport.take();
    expect(refused.split(' ')[1]).toBe('469');
    test.agent.close();
    expectNothingLeft(placed);
  });

  it('RFC 3261 section 14.1: a re-INVITE that rings for ever is cancelled, and leaves the call as it was', async () => {
    const placed = place();
    const { test, invite, call } = placed;
    test.transport.deliver(responseText(invite, '200 OK', { toTag: 'peer', body: sampleSdp() }));
    const result = call.reinvite(sampleSdp());
    const reinvite = test.transport.take().at(-1) ?? '';
    test.transport.deliver(responseText(reinvite, '180 Ringing'));
    test.clock.advance(60_000);
    const [cancel = ''] = test.transport.take();
    expect(cancel).toMatch(/^CANCEL /);
    test.transport.deliver(responseText(cancel, '200 OK'));
    test.transport.deliver(responseText(reinvite, '487 Request Terminated'));
    await expect(result).resolves.toMatchObject({ ok: false, status: 487 });
    expect(placed.heard).toEqual([['answered', '40000']]);
    const next = call.reinvite(sampleSdp());
    test.transport.deliver(responseText(test.transport.take().at(-1) ?? '', '200 OK', { body: sampleSdp() }));
    await expect(next).resolves.toMatchObject({ ok: true });
    test.agent.close();
    expectNothingLeft(placed);
  });
});
