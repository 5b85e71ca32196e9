import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { createMetrics, seededRandom, silentLog } from '../../kernel/index.ts';
import type { Metrics } from '../../kernel/index.ts';
import { requestText, responseText } from '../testing/messages.ts';
import { FakeTransport } from '../testing/transport.fake.ts';
import { createRequest } from '../message/index.ts';
import { CompletedTransactions } from './completed.ts';
import { TransactionLayer } from './index.ts';
import type { ServerTransaction } from './index.ts';

describe('CompletedTransactions', () => {
  function table(max = 10) {
    const clock = new FakeClock();
    const gone: string[] = [];
    const crowdedOut = { count: 0 };
    const kept = new CompletedTransactions({
      clock,
      max,
      gone: ({ key }) => gone.push(key),
      crowdedOut: () => crowdedOut.count++,
    });
    return { clock, kept, gone, crowdedOut };
  }

  it('forgets each after its own time, and needs one clock timer for each duration', () => {
    const { clock, kept, gone } = table();
    kept.add({ key: 'long' }, 32_000);
    kept.add({ key: 'short' }, 5000);
    clock.advance(1000);
    kept.add({ key: 'later' }, 32_000);
    expect(clock.pendingTimers).toBe(2);
    clock.advance(3999);
    expect(gone).toEqual([]);
    clock.advance(1);
    expect(gone).toEqual(['short']);
    clock.advance(27_000);
    expect(gone).toEqual(['short', 'long']);
    expect(kept.get('later')).toBeDefined();
    clock.advance(1000);
    expect(gone).toEqual(['short', 'long', 'later']);
    expect([kept.size, clock.pendingTimers]).toEqual([0, 0]);
  });

  it('looks for what is over at most ten times a second', () => {
    const { clock, kept, gone } = table(1000);
    for (let i = 0; i < 1000; i++) {
      kept.add({ key: String(i) }, 5000);
      clock.advance(1);
    }
    clock.advance(4000);
    expect(gone).toHaveLength(1);
    clock.advance(99);
    expect(gone).toHaveLength(1);
    clock.advance(1);
    expect(gone).toHaveLength(101);
  });

  it('above the bound the ones nearest to their end make room', () => {
    const { clock, kept, gone, crowdedOut } = table(3);
    kept.add({ key: 'a' }, 32_000);
    kept.add({ key: 'b' }, 5000);
    kept.add({ key: 'c' }, 32_000);
    kept.add({ key: 'd' }, 32_000);
    kept.add({ key: 'e' }, 32_000);
    expect(gone).toEqual(['b', 'a']);
    expect([kept.size, crowdedOut.count]).toEqual([3, 2]);
    clock.advance(32_000);
    expect(gone).toEqual(['b', 'a', 'c', 'd', 'e']);
    expect([crowdedOut.count, clock.pendingTimers]).toEqual([2, 0]);
  });

  it('what was deleted early is not missed later, nor mixed up with a namesake', () => {
    const { clock, kept, gone } = table(2);
    const first = { key: 'a' };
    kept.add(first, 32_000);
    expect(kept.delete(first)).toBe(true);
    expect(kept.delete(first)).toBe(false);
    clock.advance(1000);
    const second = { key: 'a' };
    kept.add(second, 32_000);
    kept.delete(second);
    kept.add({ key: 'a' }, 32_000);
    expect(kept.size).toBe(1);
    clock.advance(31_000);
    expect(kept.size).toBe(1);
    clock.advance(1000);
    expect([kept.size, clock.pendingTimers, gone.length]).toEqual([0, 0, 3]);
  });

  it('clear leaves neither remnants nor timers', () => {
    const { clock, kept } = table();
    kept.add({ key: 'a' }, 32_000);
    kept.clear();
    expect([kept.size, clock.pendingTimers]).toEqual([0, 0]);
  });
});

describe('completed transactions of the layer', () => {
  interface Options {
    readonly maxTransactions?: number;
    readonly maxCompleted?: number;
    readonly metrics?: Metrics;
  }

  function open(options: Options = {}) {
    const clock = new FakeClock();
    const transport = new FakeTransport();
    const layer = new TransactionLayer({ transport, clock, random: seededRandom(3), log: silentLog, ...options });
    const requests: ServerTransaction[] = [];
    const acks: string[] = [];
    layer.listen({
      onRequest: (transaction) => {
        requests.push(transaction);
      },
      onAck: (ack) => {
        acks.push(ack.callId ?? '');
      },
    });
    return { clock, transport, layer, requests, acks };
  }

  const TAGGED = 'To: <sip:+15550100@127.0.0.1>;tag=x';
  const bye = (index: number): string =>
    requestText({
      method: 'BYE',
      branch: `z9hG4bK-bye-${index}`,
      callId: `call-${index}`,
      to: 'To: <sip:b@127.0.0.1>;tag=t',
    });

  it('do not count against the limit of live ones', () => {
    const { layer, transport, requests } = open({ maxTransactions: 2 });
    for (let i = 0; i < 20; i++) {
      transport.deliver(bye(i));
      requests.at(-1)?.respond({ status: 200 });
    }
    expect(requests).toHaveLength(20);
    expect(layer.size).toBe(20);
    layer.close();
    expect(layer.size).toBe(0);
  });

  it('are bounded, and counted where they had to go early', async () => {
    const metrics = createMetrics();
    const { layer, transport, requests, clock } = open({ maxCompleted: 5, metrics });
    for (let i = 0; i < 8; i++) {
      transport.deliver(bye(i));
      requests.at(-1)?.respond({ status: 200 });
    }
    transport.take();
    // Forgotten: like new. Kept: the same answer.
    transport.deliver(bye(7));
    expect(transport.takeLines()).toEqual(['SIP/2.0 200 OK | 1 BYE']);
    transport.deliver(bye(0));
    expect(requests).toHaveLength(9);
    const { body } = await metrics.expose();
    expect(body).toContain('hookswitch_sip_transactions 6');
    expect(body).toContain('hookswitch_sip_transactions_completed 5');
    expect(body).toContain('hookswitch_sip_transactions_forgotten_total 3');
    clock.advance(64 * 500);
    expect([layer.size, clock.pendingTimers]).toEqual([0, 0]);
  });

  it('a BYE that comes again gets the same bytes again, until timer J', () => {
    const { layer, transport, requests, clock } = open();
    transport.deliver(bye(1));
    requests[0]?.respond({ status: 200, toTag: 'x' });
    const [answer] = transport.take();
    clock.advance(31_999);
    transport.deliver(bye(1));
    expect(transport.take()).toEqual([answer]);
    expect([requests.length, layer.stats.retransmissions]).toEqual([1, 1]);
    clock.advance(1);
    transport.deliver(bye(1));
    expect(requests).toHaveLength(2);
    layer.close();
  });

  it('an answered INVITE that comes again is absorbed, its ACK passes, a copy over another path is 482', () => {
    const { layer, transport, requests, acks, clock } = open();
    transport.deliver(requestText());
    const response = requests[0]?.respond({ status: 200, toTag: 'x' });
    transport.take();
    transport.deliver(requestText());
    expect(transport.take()).toEqual([]);
    // The user repeats its 2xx through the transaction that it holds.
    if (response !== undefined) requests[0]?.retransmit(response);
    expect(transport.takeLines()).toEqual(['SIP/2.0 200 OK | 1 INVITE']);
    transport.deliver(requestText({ branch: 'z9hG4bK-other' }));
    expect(transport.takeLines()).toEqual(['SIP/2.0 482 Loop Detected | 1 INVITE']);
    transport.deliver(requestText({ method: 'ACK', to: TAGGED }));
    transport.deliver(requestText({ method: 'CANCEL' }));
    expect(transport.takeLines()).toEqual(['SIP/2.0 200 OK | 1 CANCEL']);
    expect([requests.length, acks.length]).toEqual([1, 1]);
    transport.deliver(requestText({ method: 'ACK', branch: 'z9hG4bK-other', to: TAGGED }));
    clock.advance(5000);
    // The CANCEL and the INVITE.
    expect(layer.size).toBe(2);
    clock.advance(27_000);
    expect([layer.size, clock.pendingTimers]).toEqual([0, 0]);
    // What was merged is forgotten too.
    transport.deliver(requestText({ branch: 'z9hG4bK-third' }));
    expect(requests).toHaveLength(2);
    layer.close();
  });

  it('the ACK of a refusal is absorbed, then a copy of it and of the INVITE, until timer I', () => {
    const { layer, transport, requests, acks, clock } = open();
    transport.deliver(requestText());
    requests[0]?.respond({ status: 486, toTag: 'x' });
    transport.take();
    for (let i = 0; i < 2; i++) transport.deliver(requestText({ method: 'ACK', to: TAGGED }));
    transport.deliver(requestText());
    expect([transport.take(), acks, requests.length]).toEqual([[], [], 1]);
    expect(layer.size).toBe(1);
    clock.advance(5000);
    expect([layer.size, clock.pendingTimers]).toEqual([0, 0]);
  });

  it('a refused INVITE of ours acknowledges each copy of the refusal with the same bytes, until timer D', () => {
    const { layer, transport, clock } = open();
    const heard: number[] = [];
    const request = createRequest({ method: 'INVITE', uri: 'sip:b@127.0.0.1' }, [
      ['Max-Forwards', '70'],
      ['From', '<sip:a@127.0.0.1>;tag=a'],
      ['To', '<sip:b@127.0.0.1>'],
      ['Call-ID', 'ours'],
      ['CSeq', '1 INVITE'],
      ['Contact', '<sip:a@127.0.0.1>'],
    ]);
    layer.request(
      request,
      { protocol: 'udp', address: '127.0.0.1', port: 5070 },
      {
        onResponse: ({ status }) => heard.push(status),
        onTimeout: () => undefined,
        onTransportError: () => undefined,
      },
    );
    const [invite = ''] = transport.take();
    const refusal = responseText(invite, '486 Busy Here', { toTag: 'x' });
    transport.deliver(refusal);
    const [ack] = transport.take();
    expect(ack).toMatch(/^ACK /);
    transport.deliver(refusal);
    expect(transport.take()).toEqual([ack]);
    expect(heard).toEqual([486]);
    clock.advance(32_000);
    expect([layer.size, clock.pendingTimers]).toEqual([0, 0]);
    transport.deliver(refusal);
    expect(transport.take()).toEqual([]);
  });
});
