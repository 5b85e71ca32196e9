import { describe, expect, it } from 'vitest';
import { FakeNetwork, NOTHING_LEFT } from '../testing/network.fake.ts';
import type { NetworkOptions } from '../testing/network.fake.ts';
import { sampleSdp } from '../testing/sdp.ts';
import { headerOf } from '../testing/transport.fake.ts';
import type { IncomingCall, IncomingCallListener, InviteOptions, OutgoingCall, OutgoingCallListener } from './api.ts';

interface Ringing {
  readonly network: FakeNetwork;
  readonly out: OutgoingCall;
  readonly incoming: IncomingCall;
  readonly heard: unknown[];
}

async function ringing(
  options: NetworkOptions = {},
  more: { out?: OutgoingCallListener; in?: IncomingCallListener; invite?: Partial<InviteOptions> } = {},
): Promise<Ringing> {
  const network = new FakeNetwork(options);
  const heard: unknown[] = [];
  const out = network.place(
    {
      onProvisional: ({ status, sdp }) => heard.push([status, sdp !== undefined]),
      onAnswered: ({ sdp }) => heard.push(['answered', sdp !== undefined]),
      onFailed: ({ status, sipReason }) => heard.push(['failed', status, sipReason?.text]),
      onEnded: ({ cause }) => heard.push(['ended', cause]),
      ...more.out,
    },
    more.invite,
  );
  await network.pass();
  const incoming = network.callee.calls[0];
  if (incoming === undefined) throw new Error('no call arrived');
  incoming.listen({
    onProgressed: ({ sdp }) => heard.push(['pracked', sdp !== undefined]),
    onCancelled: (reason) => heard.push(['cancelled', reason?.text]),
    onAcked: ({ sdp, initial }) => heard.push(['acked', sdp !== undefined, initial]),
    ...more.in,
  });
  return { network, out, incoming, heard };
}

async function expectNothingLeft(network: FakeNetwork): Promise<void> {
  await network.pass(400_000);
  expect(network.residue()).toEqual(NOTHING_LEFT);
}

describe('RFC 3262: reliable provisional responses between two user agents', () => {
  it('a 183 with SDP is acknowledged, and the 200 says nothing twice', async () => {
    const { network, out, incoming, heard } = await ringing();
    incoming.progress(sampleSdp());
    incoming.answer(sampleSdp());
    expect(network.callee.sent).toEqual(['183 | 1 INVITE']);
    await network.pass();
    expect(network.caller.sent).toEqual(['INVITE | 1 INVITE', 'PRACK | 2 PRACK', 'ACK | 1 ACK']);
    expect(network.callee.sent).toEqual(['183 | 1 INVITE', '200 | 2 PRACK', '200 | 1 INVITE']);
    const [progress = '', , ok = ''] = network.callee.messages;
    expect([headerOf(progress, 'Require'), headerOf(ok, 'Content-Length')]).toEqual(['100rel', '0']);
    expect(headerOf(network.caller.messages[1] ?? '', 'RAck')).toBe(`${headerOf(progress, 'RSeq')} 1 INVITE`);
    expect(heard).toEqual([
      [183, true],
      ['pracked', false],
      ['answered', false],
      ['acked', false, true],
    ]);
    out.bye();
    await expectNothingLeft(network);
  });

  it('section 3: several wait for one another; ringing needs no acknowledgement unless the caller insists', async () => {
    const insisting = await ringing({ caller: { reliableProvisionals: 'required' } });
    insisting.incoming.ring();
    insisting.incoming.progress(sampleSdp());
    await insisting.network.pass();
    expect(insisting.network.caller.sent).toEqual(['INVITE | 1 INVITE', 'PRACK | 2 PRACK', 'PRACK | 3 PRACK']);
    insisting.out.cancel();
    await expectNothingLeft(insisting.network);

    const plain = await ringing();
    plain.incoming.ring();
    await plain.network.pass();
    expect(plain.network.caller.sent).toEqual(['INVITE | 1 INVITE']);
    plain.out.cancel();
    await expectNothingLeft(plain.network);
  });

  it('section 3: without a PRACK the call is refused with 504 after 64*T1, also when it was answered meanwhile', async () => {
    const { network, incoming, heard } = await ringing(
      { callee: { timers: { t1: 500 } } },
      { invite: { reliableProvisionals: 'supported' } },
    );
    // The caller is gone: nothing it sends arrives any more.
    network.caller.agent.close();
    incoming.progress(sampleSdp());
    incoming.answer(sampleSdp());
    await network.pass(31_900);
    expect(network.callee.sent.filter((line) => line.startsWith('183'))).toHaveLength(7);
    await network.pass(200);
    expect(network.callee.sent.at(-1)).toBe('504 | 1 INVITE');
    expect(heard.at(-1)).toEqual(['cancelled', 'The caller never acknowledged a provisional response']);
    await expectNothingLeft(network);
  });

  it('section 3: a PRACK that the answer has overtaken is taken', async () => {
    const { network, out, incoming, heard } = await ringing({ caller: { reliableProvisionals: 'required' } });
    incoming.ring();
    incoming.answer(sampleSdp());
    await network.pass();
    expect(network.callee.sent).toEqual(['180 | 1 INVITE', '200 | 1 INVITE', '200 | 2 PRACK']);
    expect(heard.at(-1)).toEqual(['acked', false, true]);
    out.bye();
    await expectNothingLeft(network);
  });

  it('section 5: on a late offer the 183 holds the offer and the PRACK the answer', async () => {
    const { network, out, incoming, heard } = await ringing(
      {},
      { out: { onLateOffer: (offer) => offer.replace('40000', '40404') }, invite: { sdp: undefined as never } },
    );
    expect([incoming.remoteOffer, incoming.reliable]).toEqual([undefined, true]);
    incoming.progress(sampleSdp());
    await network.pass();
    expect(network.caller.messages.at(-1)).toContain('m=audio 40404 ');
    incoming.answer(sampleSdp());
    await network.pass();
    expect(heard).toEqual([
      [183, false],
      ['pracked', true],
      ['answered', false],
      ['acked', false, true],
    ]);
    out.bye();
    await expectNothingLeft(network);
  });

  it('a late offer that cannot be answered is acknowledged and the call given up', async () => {
    const { network, incoming, heard } = await ringing({}, { invite: { sdp: undefined as never } });
    incoming.progress(sampleSdp());
    await network.pass();
    expect(network.caller.sent).toEqual(['INVITE | 1 INVITE', 'PRACK | 2 PRACK', 'CANCEL | 1 CANCEL', 'ACK | 1 ACK']);
    expect(heard.slice(1)).toContainEqual(['failed', 488, undefined]);
    await expectNothingLeft(network);
  });

  it('CANCEL ends a call whose answer waits for a PRACK', async () => {
    const { network, out, incoming, heard } = await ringing();
    incoming.progress(sampleSdp());
    incoming.answer(sampleSdp());
    out.cancel({ protocol: 'SIP', cause: 487, text: 'changed my mind' });
    await network.pass(1);
    incoming.bye();
    await network.pass();
    expect(heard.filter((entry) => (entry as unknown[])[0] === 'answered')).toEqual([]);
    await expectNothingLeft(network);
  });

  it.each<[string, NetworkOptions, unknown]>([
    [
      'required of a caller without',
      { callee: { reliableProvisionals: 'required' }, caller: { reliableProvisionals: 'off' } },
      ['failed', 421, 'An extension is needed that the request does not offer'],
    ],
    [
      'required by the caller, off here',
      { callee: { reliableProvisionals: 'off' }, caller: { reliableProvisionals: 'required' } },
      ['failed', 420, 'An extension is required that is not spoken here'],
    ],
  ])('%s', async (_what, options, expected) => {
    const network = new FakeNetwork(options);
    const heard: unknown[] = [];
    network.place({ onFailed: ({ status, sipReason }) => heard.push(['failed', status, sipReason?.text]) });
    await network.pass();
    expect(heard).toEqual([expected]);
    await expectNothingLeft(network);
  });

  it('off: early media goes unreliably, a late offer has none', async () => {
    const { network, out, incoming, heard } = await ringing({ callee: { reliableProvisionals: 'off' } });
    incoming.progress(sampleSdp());
    incoming.answer(sampleSdp());
    await network.pass();
    expect(heard).toEqual([
      [183, true],
      ['answered', true],
      ['acked', false, true],
    ]);
    out.bye();
    await expectNothingLeft(network);
  });
});

describe('RFC 3311: UPDATE', () => {
  it('section 5.1: before the answer once the first offer was answered reliably, in both directions', async () => {
    const offers: unknown[] = [];
    const { network, out, incoming, heard } = await ringing(
      {},
      {
        out: {
          onUpdate: (offer, { earlyDialog }) => {
            offers.push(['caller', offer.includes('40009'), earlyDialog !== undefined]);
            return { sdp: sampleSdp() };
          },
        },
        in: {
          onUpdate: (offer) => {
            offers.push(['callee', offer.includes('40008')]);
            return { sdp: sampleSdp({ port: 40_010 }) };
          },
        },
      },
    );
    await expect(out.update(sampleSdp())).resolves.toMatchObject({ ok: false, status: 481 });
    incoming.progress(sampleSdp());
    await network.pass();
    const ours = out.update(sampleSdp({ port: 40_008 }));
    await network.pass();
    await expect(ours).resolves.toEqual({ ok: true, sdp: sampleSdp({ port: 40_010 }) });
    const theirs = incoming.update(sampleSdp({ port: 40_009 }));
    await network.pass();
    await expect(theirs).resolves.toMatchObject({ ok: true });
    expect(offers).toEqual([
      ['callee', true],
      ['caller', true, true],
    ]);
    incoming.answer(sampleSdp());
    await network.pass();
    expect(heard.at(-1)).toEqual(['acked', false, true]);
    out.bye();
    await expectNothingLeft(network);
  });

  it('section 5.2: two that cross are 491, and tried again', async () => {
    const answer = () => ({ sdp: sampleSdp() });
    const { network, out, incoming } = await ringing({}, { out: { onUpdate: answer }, in: { onUpdate: answer } });
    incoming.answer(sampleSdp());
    await network.pass();
    const both = Promise.all([out.update(sampleSdp()), incoming.update(sampleSdp())]);
    await network.pass(0);
    await network.pass(50);
    expect([...network.caller.sent, ...network.callee.sent].filter((line) => line.startsWith('491'))).toHaveLength(2);
    await network.pass(10_000);
    expect((await both).map(({ ok }) => ok)).toEqual([true, true]);
    out.bye();
    await expectNothingLeft(network);
  });

  it('section 5.2: one that the application does not answer in time is 504, and the way is free again', async () => {
    const { network, out, incoming } = await ringing({}, { in: { onUpdate: () => new Promise(() => undefined) } });
    incoming.answer(sampleSdp());
    await network.pass();
    const refused = out.update(sampleSdp());
    await network.pass(11_000);
    await expect(refused).resolves.toMatchObject({ ok: false, status: 504 });
    incoming.listen({ onUpdate: () => ({ sdp: sampleSdp() }) });
    const taken = out.update(sampleSdp());
    await network.pass();
    await expect(taken).resolves.toMatchObject({ ok: true });
    out.bye();
    await expectNothingLeft(network);
  });

  it('section 5.2: a second one before the first was answered is 500 with Retry-After; one without listener 488', async () => {
    const slow = Promise.withResolvers<{ sdp: string }>();
    const { network, out, incoming } = await ringing({}, { in: { onUpdate: () => slow.promise } });
    incoming.answer(sampleSdp());
    await network.pass();
    const first = out.update(sampleSdp());
    await expect(out.update(sampleSdp())).resolves.toMatchObject({ ok: false, status: 491 });
    await network.pass();
    slow.resolve({ sdp: sampleSdp() });
    await network.pass();
    await expect(first).resolves.toMatchObject({ ok: true });
    incoming.listen({});
    const refused = out.update(sampleSdp());
    await network.pass();
    await expect(refused).resolves.toEqual({ ok: false, status: 488, reason: 'Not Acceptable Here' });
    // Refused offers leave the way free for others.
    incoming.listen({ onReinvite: () => ({ sdp: sampleSdp() }) });
    const again = out.reinvite(sampleSdp());
    await network.pass();
    await expect(again).resolves.toMatchObject({ ok: true });
    out.bye();
    await expectNothingLeft(network);
  });
});
