import { expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { seededRandom, silentLog, systemClock } from '../../kernel/index.ts';
import { ReceiveDelay } from './receive-delay.ts';
import { openUdpTransport } from './udp.ts';

function measured() {
  const clock = new FakeClock();
  const sent: Buffer[] = [];
  const delay = new ReceiveDelay({ clock, random: seededRandom(1), send: (probe) => sent.push(probe) });
  return { clock, sent, delay };
}

it('the delay is what a probe of its own waits, told once', () => {
  const { clock, sent, delay } = measured();
  expect(delay.read()).toBeUndefined();
  clock.advance(30);
  expect(delay.take(sent[0] ?? Buffer.alloc(0))).toBe(true);
  clock.advance(70);
  expect(delay.read()).toBe(30);
  clock.advance(100);
  expect([delay.read(), sent.length]).toEqual([100, 2]);
});

it('a probe that is lost counts as long as it is gone, and is followed by another one', () => {
  const { clock, sent, delay } = measured();
  delay.read();
  clock.advance(1_999);
  expect([delay.read(), sent.length]).toEqual([1_999, 1]);
  clock.advance(1);
  expect([delay.read(), sent.length]).toEqual([2_000, 2]);
  // It was late only: what it says is old.
  expect(delay.take(sent[0] ?? Buffer.alloc(0))).toBe(true);
  clock.advance(5);
  expect(delay.take(sent[1] ?? Buffer.alloc(0))).toBe(true);
  expect(delay.read()).toBe(5);
});

it('what others send is none of ours', () => {
  const { sent, delay } = measured();
  delay.read();
  const forged = Buffer.from(sent[0] ?? Buffer.alloc(20));
  forged.writeUInt8(forged.readUInt8(0) ^ 1, 0);
  expect(delay.take(forged)).toBe(false);
  expect(delay.take(Buffer.alloc(20))).toBe(false);
  expect(delay.take(Buffer.from('OPTIONS sip:a SIP/2.0'))).toBe(false);
});

it.each(['127.0.0.1', '0.0.0.0', '::1'])(
  'a socket on %s knows how far behind it is, and counts no probe',
  async (address) => {
    const transport = await openUdpTransport({ address, log: silentLog });
    try {
      transport.receiveDelay?.();
      let found: number | undefined;
      while (found === undefined) {
        // The probe comes back in one of the next turns of the event loop.
        await new Promise((resolve) => setImmediate(resolve));
        const started = systemClock.monotonic();
        while (systemClock.monotonic() - started < 1);
        found = transport.receiveDelay?.();
      }
      expect(found).toBeGreaterThanOrEqual(0);
      expect(found).toBeLessThan(2_000);
      expect(transport.stats).toMatchObject({ received: 0, garbage: 0 });
    } finally {
      await transport.close();
    }
    expect(transport.receiveDelay?.()).toBeUndefined();
  },
);
