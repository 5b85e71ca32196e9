import { describe, expect, it } from 'vitest';
import { FakeNetwork, NOTHING_LEFT } from '../testing/network.fake.ts';
import type { NetworkOptions } from '../testing/network.fake.ts';
import { sampleSdp } from '../testing/sdp.ts';
import { headerOf } from '../testing/transport.fake.ts';
import type { CallListener, IncomingCall, OutgoingCall, ReceivedRefer } from './api.ts';

async function connect(
  network: FakeNetwork,
  listener: CallListener = {},
  out: CallListener = {},
): Promise<{ out: OutgoingCall; incoming: IncomingCall }> {
  const before = network.callee.calls.length;
  const placed = network.place(out);
  await network.pass();
  const incoming = network.callee.calls[before];
  if (incoming === undefined) throw new Error('no call arrived');
  incoming.listen(listener);
  incoming.answer(sampleSdp());
  await network.pass();
  return { out: placed, incoming };
}

async function expectNothingLeft(network: FakeNetwork): Promise<void> {
  await network.pass(700_000);
  expect(network.residue()).toEqual(NOTHING_LEFT);
}

describe('RFC 3515: REFER between two user agents', () => {
  it('blind: 202, reports as they come, the result; the call stays up', async () => {
    const network = new FakeNetwork();
    let received: ReceivedRefer | undefined;
    const { out } = await connect(network, { onRefer: (refer) => (received = refer) });
    const progress: number[] = [];
    const result = out.refer('sip:carol@192.0.2.9', { onProgress: ({ status }) => progress.push(status) });
    await network.pass();
    expect(received).toMatchObject({
      target: { uri: 'sip:carol@192.0.2.9', user: 'carol' },
      referredBy: { uri: 'sip:alice@127.0.0.1' },
      subscribed: true,
      invite: { target: 'sip:carol@192.0.2.9', referredBy: '<sip:alice@127.0.0.1>' },
    });
    received?.accept();
    received?.accept();
    received?.progress(180);
    await network.pass();
    received?.progress(200, 'OK');
    received?.progress(486);
    await network.pass();
    await expect(result).resolves.toEqual({ kind: 'done', status: 200, reason: 'OK' });
    expect(progress).toEqual([100, 180]);
    const notifies = network.callee.messages.filter((text) => text.startsWith('NOTIFY'));
    expect(notifies.map((text) => headerOf(text, 'Subscription-State'))).toEqual([
      'active;expires=180',
      'active;expires=180',
      'terminated;reason=noresource',
    ]);
    expect(headerOf(notifies[0] ?? '', 'Event')).toBe('refer;id=2');
    expect(headerOf(notifies[0] ?? '', 'Content-Type')).toBe('message/sipfrag;version=2.0');
    expect(notifies[2]).toContain('\r\n\r\nSIP/2.0 200 OK\r\n');
    out.bye();
    await expectNothingLeft(network);
  });

  it('nobody listens: 603 with a reason; a target that cannot be called is told at once', async () => {
    const network = new FakeNetwork();
    const { out } = await connect(network);
    const result = out.refer('sip:carol@192.0.2.9');
    await network.pass();
    await expect(result).resolves.toEqual({ kind: 'refused', status: 603, reason: 'Decline' });
    const refusal = network.callee.messages.at(-1) ?? '';
    expect(headerOf(refusal, 'Reason')).toBe('Q.850;cause=29;text="Transfer is not set up"');
    await expect(out.refer('nonsense')).resolves.toMatchObject({ kind: 'refused', status: 400 });
    out.bye();
    await expect(out.refer('sip:c@d')).resolves.toMatchObject({ kind: 'refused', status: 481 });
    await expectNothingLeft(network);
  });

  it('RFC 4488: no reports where none are asked for', async () => {
    const network = new FakeNetwork();
    const { out } = await connect(network, {
      onRefer: (refer) => {
        expect(refer.subscribed).toBe(false);
        refer.accept();
        refer.progress(200);
      },
    });
    const result = out.refer('sip:carol@192.0.2.9', { reports: false });
    await network.pass();
    await expect(result).resolves.toMatchObject({ kind: 'unknown', status: 200 });
    expect(network.callee.sent.some((line) => line.startsWith('NOTIFY'))).toBe(false);
    out.bye();
    await expectNothingLeft(network);
  });

  it('RFC 5057: reports outlive the call; the dialog goes with the last one', async () => {
    const network = new FakeNetwork();
    let received: ReceivedRefer | undefined;
    const { out } = await connect(network, { onRefer: (refer) => (received = refer) });
    const result = out.refer('sip:carol@192.0.2.9');
    await network.pass();
    received?.accept();
    await network.pass();
    out.bye();
    await network.pass();
    expect([network.caller.agent.stats.dialogs, network.callee.agent.stats.dialogs]).toEqual([1, 1]);
    received?.progress(486, 'Busy Here');
    await network.pass();
    await expect(result).resolves.toEqual({ kind: 'done', status: 486, reason: 'Busy Here' });
    expect([network.caller.agent.stats.dialogs, network.callee.agent.stats.dialogs]).toEqual([0, 0]);
    await expectNothingLeft(network);
  });

  it('a peer that never says what became of it: unknown, when its subscription ends', async () => {
    const network = new FakeNetwork();
    const { out } = await connect(network, {
      onRefer: (refer) => {
        refer.accept();
      },
    });
    const result = out.refer('sip:carol@192.0.2.9');
    await network.pass(181_000);
    await expect(result).resolves.toMatchObject({ kind: 'unknown' });
    expect(headerOf(network.callee.messages.at(-1) ?? '', 'Subscription-State')).toBe('terminated;reason=timeout');
    out.bye();
    await expectNothingLeft(network);
  });
});

describe('RFC 3891: Replaces', () => {
  const replacing = (calls: IncomingCall[]): NetworkOptions => ({
    callee: {
      handlers: {
        onReplaces: (call) => {
          calls.push(call);
          call.answer(sampleSdp());
        },
      },
    },
  });

  it('attended transfer: the new call takes the place of the old one, which is ended', async () => {
    const taken: IncomingCall[] = [];
    const network = new FakeNetwork(replacing(taken));
    const refers: ReceivedRefer[] = [];
    const ends: unknown[] = [];
    // The peer holds two calls of ours; it is asked to call, in one of them, the other's place.
    const first = await connect(network, { onRefer: (refer) => refers.push(refer) });
    const second = await connect(network, {}, { onEnded: ({ reason }) => ends.push(reason?.text) });
    const result = first.out.refer(second.out);
    await network.pass();
    const [refer] = refers;
    const { callId, localTag, remoteTag } = second.out.dialogId ?? { callId: '', localTag: '', remoteTag: '' };
    expect(refer?.invite.target).toBe('sip:127.0.0.1:5060');
    expect(refer?.invite.replaces).toBe(`${callId};to-tag=${remoteTag};from-tag=${localTag}`);
    refer?.accept();
    // Both ends are the same two agents here: the call with Replaces is placed by us.
    network.place({}, { ...refer?.invite });
    await network.pass();
    refer?.progress(200);
    await network.pass();
    await expect(result).resolves.toMatchObject({ kind: 'done', status: 200 });
    expect(taken).toHaveLength(1);
    expect(taken[0]?.replaces?.callId).toBe(callId);
    expect(ends).toEqual(['Replaced by another call']);
    network.caller.agent.close();
    await expectNothingLeft(network);
  });

  it.each<[string, (value: string) => string, number]>([
    ['no such dialog', (value) => value.replace('to-tag=', 'to-tag=x'), 481],
    ['early only, but answered', (value) => `${value};early-only`, 486],
    ['malformed', () => 'nonsense', 400],
  ])('section 3: %s', async (_what, change, status) => {
    const network = new FakeNetwork(replacing([]));
    const { out } = await connect(network);
    const { callId, localTag, remoteTag } = out.dialogId ?? { callId: '', localTag: '', remoteTag: '' };
    const failures: number[] = [];
    const replaces = change(`${callId};to-tag=${remoteTag};from-tag=${localTag}`);
    network.place({ onFailed: (failure) => failures.push(failure.status) }, { replaces });
    await network.pass();
    expect(failures).toEqual([status]);
    out.bye();
    await expectNothingLeft(network);
  });

  it('without a handler nobody can take a call over: 603 with a reason', async () => {
    const network = new FakeNetwork();
    const { out } = await connect(network);
    const failures: unknown[] = [];
    const listener = {
      onFailed: ({ status, sipReason }: { status: number; sipReason?: { text?: string } }) =>
        failures.push([status, sipReason?.text]),
    };
    network.place(listener, { replaces: 'a@b;to-tag=1;from-tag=2' });
    await network.pass();
    expect(failures).toEqual([[603, 'Taking over a call is not set up']]);
    out.bye();
    await expectNothingLeft(network);
  });
});
