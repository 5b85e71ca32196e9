import { expect } from 'vitest';
import type { Position } from '@hookswitch/shared';
import { FakeClock, settle } from '../../kernel/clock.fake.ts';
import type { Delivery, EventFilter, Hub, Subscribed } from '../../hub/index.ts';
import type { MemoryEventLog } from '../../hub/event-log.memory.ts';
import { ACCOUNT, event, hubFixture } from '../../hub/testing/fixtures.ts';
import { OUTBOX_LIMITS, Outbox } from '../outbox.ts';
import type { OutboxLimits } from '../outbox.ts';
import { FakeTransport } from './fake-transport.ts';

export interface Subscriber {
  readonly clock: FakeClock;
  readonly hub: Hub;
  readonly log: MemoryEventLog;
  readonly transport: FakeTransport;
  readonly outbox: Outbox;
  readonly delivery: Delivery;
  isSlow(): boolean;
  subscribe(pattern: string, position?: Position, filter?: EventFilter): Promise<Subscribed>;
  publish(topic: string, data?: unknown): Promise<Position>;
  stall(): void;
  resume(): Promise<void>;
  seqs(): number[];
  /** Checks that nothing is left open. */
  close(): Promise<void>;
}

/** A subscriber behind a real outbox and a transport that can stall. */
export function subscriber(limits: Partial<OutboxLimits> = {}): Subscriber {
  const clock = new FakeClock();
  const { hub, log } = hubFixture(clock, 0);
  const transport = new FakeTransport();
  let slow = false;
  const box: { delivery?: Delivery } = {};
  const outbox = new Outbox({
    transport,
    clock,
    fanout: hub.fanout,
    limits: { ...OUTBOX_LIMITS, ...limits },
    owner: { onSlow: () => (slow = true), onDropped: (items) => box.delivery?.dropped(items) },
  });
  const delivery = (box.delivery = hub.openDelivery(ACCOUNT, outbox));
  return {
    clock,
    hub,
    log,
    transport,
    outbox,
    delivery,
    isSlow: () => slow,
    subscribe: async (pattern: string, position?: Position, filter?: EventFilter) => {
      const answer = await delivery.subscribe(pattern, { position, filter });
      answer.begin();
      return answer;
    },
    publish: async (topic: string, data: unknown = {}) => {
      const position = await hub.publish(ACCOUNT, topic, event(data));
      await settle();
      return position;
    },
    stall: () => {
      transport.stalled = true;
    },
    resume: async () => {
      transport.stalled = false;
      transport.bufferedBytes = 0;
      outbox.drained();
      await clock.advanceAsync(2000);
      await settle();
    },
    seqs: () => transport.of('event').map((frame) => frame.position.seq),
    close: async () => {
      delivery.close();
      outbox.close();
      await clock.advanceAsync(60_000);
      await hub.close();
      expect(log.subscriptions).toBe(0);
      expect(clock.pendingTimers).toBe(0);
    },
  };
}
