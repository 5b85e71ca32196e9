import { describe, expect, it } from 'vitest';
import { FakeNetwork, NOTHING_LEFT } from '../testing/network.fake.ts';
import type { NetworkOptions } from '../testing/network.fake.ts';
import { testAgent } from '../testing/agent.ts';
import { responseText } from '../testing/messages.ts';
import { sampleSdp } from '../testing/sdp.ts';
import { headerOf } from '../testing/transport.fake.ts';
import type { CallListener, OutgoingCall } from './api.ts';

async function connect(
  options: NetworkOptions = {},
  listeners: { out?: CallListener; in?: CallListener } = {},
): Promise<{ network: FakeNetwork; out: OutgoingCall; ends: string[] }> {
  const network = new FakeNetwork(options);
  const ends: string[] = [];
  const out = network.place({ onEnded: ({ by, cause }) => ends.push(`caller ${by} ${cause}`), ...listeners.out });
  await network.pass();
  const incoming = network.callee.calls[0];
  incoming?.listen({ onEnded: ({ by, cause }) => ends.push(`callee ${by} ${cause}`), ...listeners.in });
  incoming?.answer(sampleSdp());
  await network.pass();
  return { network, out, ends };
}

const refreshes = (lines: readonly string[], method: string): number =>
  lines.filter((line) => line.startsWith(`${method} |`)).length;

describe('RFC 4028: session timers between two user agents', () => {
  it('section 7.4: the caller refreshes at half of 1800 s by UPDATE, and the call goes on', async () => {
    const { network, out, ends } = await connect();
    expect(headerOf(network.caller.messages[0] ?? '', 'Session-Expires')).toBe('1800');
    const ok = network.callee.messages.find((text) => text.startsWith('SIP/2.0 200')) ?? '';
    expect([headerOf(ok, 'Session-Expires'), headerOf(ok, 'Require')]).toEqual(['1800;refresher=uac', 'timer']);
    await network.pass(899_000);
    expect(refreshes(network.caller.sent, 'UPDATE')).toBe(0);
    await network.pass(1_000_000);
    expect(refreshes(network.caller.sent, 'UPDATE')).toBe(2);
    expect(headerOf(network.caller.messages.at(-1) ?? '', 'Session-Expires')).toBe('1800;refresher=uac');
    await network.pass(10_000_000);
    expect(ends).toEqual([]);
    out.bye();
    await network.pass(100_000);
    expect(network.residue()).toEqual(NOTHING_LEFT);
  });

  it('section 9: the callee refreshes where it wants to', async () => {
    const { network, out } = await connect({ callee: { sessionTimer: { interval: 600, refresher: 'self' } } });
    const ok = network.callee.messages.find((text) => text.startsWith('SIP/2.0 200')) ?? '';
    expect(headerOf(ok, 'Session-Expires')).toBe('600;refresher=uas');
    await network.pass(301_000);
    expect([refreshes(network.callee.sent, 'UPDATE'), refreshes(network.caller.sent, 'UPDATE')]).toEqual([1, 0]);
    // In the refresh the callee is the client, and stays the refresher.
    expect(headerOf(network.callee.messages.at(-1) ?? '', 'Session-Expires')).toBe('600;refresher=uac');
    await network.pass(1_000_000);
    out.bye();
    await network.pass(100_000);
    expect(network.residue()).toEqual(NOTHING_LEFT);
  });

  it('section 6: 422 raises the interval, and Min-SE stays in later requests', async () => {
    const { network, out, ends } = await connect({
      caller: { sessionTimer: { interval: 120 } },
      callee: { sessionTimer: { minimum: 300 } },
    });
    expect(network.callee.sent[0]).toBe('422 | 1 INVITE');
    expect(headerOf(network.callee.messages[0] ?? '', 'Min-SE')).toBe('300');
    const again = network.caller.messages.filter((text) => text.startsWith('INVITE'))[1] ?? '';
    expect([headerOf(again, 'CSeq'), headerOf(again, 'Session-Expires'), headerOf(again, 'Min-SE')]).toEqual([
      '2 INVITE',
      '300',
      '300',
    ]);
    await network.pass(151_000);
    expect(refreshes(network.caller.sent, 'UPDATE')).toBe(1);
    expect(ends).toEqual([]);
    out.bye();
    await network.pass(100_000);
    expect(network.residue()).toEqual(NOTHING_LEFT);
  });

  it('off on one side: nothing expires', async () => {
    const { network, out, ends } = await connect({ callee: { sessionTimer: false } });
    await network.pass(4_000_000);
    expect(ends).toEqual([]);
    expect(refreshes(network.caller.sent, 'UPDATE')).toBe(0);
    out.bye();
    await network.pass(100_000);
    expect(network.residue()).toEqual(NOTHING_LEFT);
  });
});

describe('RFC 4028 with a peer that is scripted', () => {
  function answered(extra: readonly string[], listener: CallListener = {}) {
    const test = testAgent();
    const ends: unknown[] = [];
    const call = test.agent.invite(
      { target: 'sip:b@127.0.0.1:5070', from: { uri: 'sip:a@h' }, sdp: sampleSdp() },
      { onEnded: (end) => ends.push(end), ...listener },
    );
    const [invite = ''] = test.transport.take();
    test.transport.deliver(responseText(invite, '200 OK', { toTag: 'peer', body: sampleSdp(), extra }));
    test.transport.take();
    return { test, call, ends };
  }

  it('section 10: a peer that never refreshes is hung up on, 32 s before the end', () => {
    const { test, ends } = answered(['Session-Expires: 1800;refresher=uas', 'Require: timer']);
    test.clock.advance(1_767_999);
    expect(test.transport.take()).toEqual([]);
    test.clock.advance(1);
    const [bye = ''] = test.transport.take();
    expect(headerOf(bye, 'Reason')).toBe('SIP;cause=408;text="The session was not refreshed in time"');
    expect(ends).toEqual([{ by: 'network', cause: 'session-expired' }]);
    test.clock.advance(100_000);
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('section 7.4: without UPDATE the refresh is a re-INVITE with our description; its answer is told', async () => {
    const acked: unknown[] = [];
    const { test, ends } = answered(['Session-Expires: 600;refresher=uac', 'Allow: INVITE, ACK, BYE'], {
      onReinvite: (offer) => ({ sdp: offer === undefined ? sampleSdp({ port: 40_444 }) : sampleSdp() }),
      onAcked: (event) => acked.push(event),
      onOfferDropped: () => acked.push('dropped'),
    });
    await test.clock.advanceAsync(300_000);
    const [reinvite = ''] = test.transport.take();
    expect([headerOf(reinvite, 'CSeq'), headerOf(reinvite, 'Session-Expires')]).toEqual([
      '2 INVITE',
      '600;refresher=uac',
    ]);
    expect(reinvite).toContain('m=audio 40444 ');
    const extra = ['Session-Expires: 600;refresher=uac'];
    test.transport.deliver(responseText(reinvite, '200 OK', { body: sampleSdp(), extra }));
    await test.clock.advanceAsync(0);
    expect(acked).toEqual([{ sdp: sampleSdp(), initial: false }]);
    // The next one is refused: tried again, and what was in force stays.
    await test.clock.advanceAsync(300_000);
    const refused = test.transport.take().at(-1) ?? '';
    test.transport.deliver(responseText(refused, '500 Server Internal Error'));
    await test.clock.advanceAsync(75_000);
    expect(acked.at(-1)).toBe('dropped');
    expect(test.transport.takeLines().filter((line) => line.startsWith('INVITE'))).toHaveLength(1);
    expect(ends).toEqual([]);
    test.agent.close();
    expect(test.clock.pendingTimers).toBe(0);
  });

  it('a 2xx without Session-Expires: nothing expires', () => {
    const { test } = answered([]);
    test.clock.advance(100_000);
    expect(test.clock.pendingTimers).toBe(0);
    test.agent.close();
  });
});
