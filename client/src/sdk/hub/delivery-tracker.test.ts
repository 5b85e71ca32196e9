import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeliveryTracker } from './delivery-tracker.ts';

const at = (seq: number, epoch = 'e1'): { epoch: string; seq: number } => ({ epoch, seq });

describe('delivery tracker', () => {
  it('EV-6 tells repetitions and resumes after the newest event', () => {
    const tracker = new DeliveryTracker(undefined);
    expect(tracker.position).toBeUndefined();
    tracker.subscribed(at(10), true, 0);
    expect(tracker.accept(at(11), true, 0)).toBe(true);
    expect(tracker.accept(at(11), true, 0)).toBe(false);
    expect(tracker.accept(at(9), true, 0)).toBe(false);
    expect(tracker.position).toEqual(at(11));
  });

  it('EV-6 a subscription that saw no event yet resumes from where it began', () => {
    const tracker = new DeliveryTracker(undefined);
    tracker.subscribed(at(42), true, 0);
    expect(tracker.position).toEqual(at(42));
  });

  it('EV-6 an event that overtakes the replay is delivered once and does not move the position past what is owed', () => {
    const tracker = new DeliveryTracker(at(50));
    tracker.subscribed(at(100), true, 0);
    expect(tracker.accept(at(101), false, 0)).toBe(true);
    expect(tracker.position).toEqual(at(50));
    expect(tracker.accept(at(60), true, 0)).toBe(true);
    expect(tracker.accept(at(100), true, 0)).toBe(true);
    expect(tracker.position).toEqual(at(100));
    expect(tracker.accept(at(102), true, 0)).toBe(true);
    expect(tracker.position).toEqual(at(102));
    expect(tracker.accept(at(101), true, 0)).toBe(false);
  });

  it('EV-6 an event of another subscription that comes before the answer does not move the position', () => {
    const tracker = new DeliveryTracker(at(50));
    tracker.asked();
    expect(tracker.accept(at(59), false, 0)).toBe(true);
    expect(tracker.position).toEqual(at(50));
    tracker.subscribed(at(60), true, 0);
    expect(tracker.position).toEqual(at(50));
    expect(tracker.accept(at(55), true, 0)).toBe(true);
    // The connection was lost before all of it came, and the next one brings it again.
    tracker.asked();
    tracker.subscribed(at(60), true, 0);
    expect(tracker.accept(at(59), true, 0)).toBe(false);
    expect(tracker.accept(at(60), true, 0)).toBe(true);
    expect(tracker.accept(at(61), true, 0)).toBe(true);
    expect(tracker.position).toEqual(at(61));
  });

  it('EV-6 what comes before the first answer is taken once, and the subscription begins where the answer says', () => {
    const tracker = new DeliveryTracker(undefined);
    tracker.asked();
    expect(tracker.accept(at(59), false, 0)).toBe(true);
    tracker.subscribed(at(60), true, 0, at(40));
    expect(tracker.position).toEqual(at(40));
    expect(tracker.accept(at(59), true, 0)).toBe(false);
    expect(tracker.accept(at(41), true, 0)).toBe(true);
    const other = new DeliveryTracker(undefined);
    other.asked();
    expect(other.accept(at(59), false, 0)).toBe(true);
    other.subscribed(at(60), true, 0);
    expect(other.position).toEqual(at(60));
  });

  it('a replay that has gone quiet is over even when another subscription hides its end', () => {
    const tracker = new DeliveryTracker(at(50));
    tracker.subscribed(at(100), true, 0);
    tracker.accept(at(101), false, 60_001);
    expect(tracker.position).toEqual(at(101));
  });

  it('a recreated stream begins anew', () => {
    const tracker = new DeliveryTracker(at(50));
    tracker.subscribed(at(3, 'e2'), false, 0);
    expect(tracker.accept(at(4, 'e2'), true, 0)).toBe(true);
    expect(tracker.position).toEqual(at(4, 'e2'));
  });

  it('a re-read moves the position back, so that what was dropped is asked for again', () => {
    const tracker = new DeliveryTracker(at(10));
    tracker.subscribed(at(10), true, 0);
    tracker.accept(at(20), true, 0);
    tracker.rereadFrom(at(12), 0);
    expect(tracker.position).toEqual(at(12));
    expect(tracker.accept(at(15), true, 0)).toBe(true);
    expect(tracker.accept(at(20), true, 0)).toBe(false);
  });

  it('EV-6 whatever the order of arrival: each event once, and no event after the position is taken for received', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 40 }),
        fc.integer({ min: 0, max: 30 }),
        fc.array(fc.boolean(), { minLength: 200, maxLength: 200 }),
        (seqs, head, coins) => {
          const tracker = new DeliveryTracker(at(0));
          tracker.subscribed(at(head), true, 0);
          // The replay is in order, and so are live events; each live one may come at any time (through another subscription).
          const sorted = [...seqs].sort((a, b) => a - b);
          const replay = sorted.filter((seq) => seq <= head);
          const live = sorted.filter((seq) => seq > head);
          const received = new Set<number>();
          for (const coin of coins) {
            const overtaking = coin && replay.length > 0;
            const seq = overtaking || replay.length === 0 ? live.shift() : replay.shift();
            if (seq === undefined) continue;
            expect(tracker.accept(at(seq), !overtaking, 0)).toBe(true);
            expect(tracker.accept(at(seq), true, 0)).toBe(false);
            received.add(seq);
            const position = tracker.position?.seq ?? 0;
            for (const owed of replay) expect(owed).toBeGreaterThan(position);
          }
        },
      ),
    );
  });
});
