import { expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import type { Binding, BindingStore, Endpoint } from '../../sip/index.ts';
import { PhoneKeepAlives } from './keep-alives.ts';

const clock = new FakeClock();

function binding(port: number, change: Partial<Binding> = {}): Binding {
  const received: Endpoint = { protocol: 'udp', address: '203.0.113.5', port };
  return {
    contact: 'sip:alice@10.0.0.1:5060',
    q: 1,
    callId: 'c',
    cseq: 1,
    expiresAt: clock.now() + 60_000,
    since: clock.now(),
    path: [],
    received,
    overFlow: true,
    node: 'node-a',
    ...change,
  };
}

it('RFC 5626: phones behind NAT that speak UDP are kept reachable while they are registered here, and nobody else', () => {
  let records: ReturnType<BindingStore['all']> = [];
  const register = (...bindings: Binding[]): void => {
    records = [{ address: 'alice@phones.example.com', accountSid: 'AC1', bindings }];
  };
  const open = new Set<number>();
  const userAgent = {
    keepAlive: ({ port }: Endpoint) => {
      expect(open.has(port)).toBe(false);
      open.add(port);
      return () => {
        open.delete(port);
      };
    },
  };
  register(
    binding(1),
    binding(1, { contact: 'sip:second-line@10.0.0.1:5060' }),
    binding(2, { overFlow: false }),
    binding(2, { contact: 'sip:alice@203.0.113.5:2;transport=udp' }),
    binding(7, { contact: 'sip:alice@203.0.113.5' }),
    binding(3, { node: 'node-b' }),
    binding(4, { received: { protocol: 'tcp', address: '203.0.113.5', port: 4, flow: 'tcp-1' } }),
    binding(5, { expiresAt: clock.now() + 7_000 }),
  );
  const keepAlives = new PhoneKeepAlives({ bindings: { all: () => records }, userAgent, clock, node: 'node-a' });
  expect([...open]).toEqual([1, 7, 5]);
  clock.advance(10_000);
  expect([...open]).toEqual([1, 7]);
  // Its NAT gives it another port.
  register(binding(6));
  clock.advance(5_000);
  expect([[...open], keepAlives.size]).toEqual([[6], 1]);
  keepAlives.close();
  keepAlives.close();
  expect([open.size, keepAlives.size, clock.pendingTimers]).toEqual([0, 0, 0]);
});
