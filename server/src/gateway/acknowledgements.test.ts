import { describe, expect, it } from 'vitest';
import { Acknowledgements } from './acknowledgements.ts';

const LIMITS = { askEveryBytes: 1000, maxUnreadBytes: 3000 };

/** One that has answered before, so that it is held to its answers. */
function known(): Acknowledgements {
  const acknowledgements = new Acknowledgements(LIMITS);
  const n = acknowledgements.wrote(5000);
  acknowledgements.answered(n);
  return acknowledgements;
}

describe('EV-9 what a client has read is told by itself', () => {
  it('is asked early, then every so many bytes, one question at a time', () => {
    const acknowledgements = new Acknowledgements(LIMITS);
    expect(acknowledgements.wrote(4095)).toBeUndefined();
    expect(acknowledgements.wrote(1)).toBe(1);
    expect(acknowledgements.wrote(10_000)).toBeUndefined();
    acknowledgements.answered(1);
    expect(acknowledgements.unread).toBe(10_000);
    expect(acknowledgements.wrote(0)).toBe(2);
    acknowledgements.answered(2);
    expect(acknowledgements.unread).toBe(0);
    expect(acknowledgements.wrote(999)).toBeUndefined();
    expect(acknowledgements.wrote(1)).toBe(3);
  });

  it('is full while too much is unread, whatever the transport took', () => {
    const acknowledgements = known();
    const n = acknowledgements.wrote(2999);
    expect(acknowledgements.full).toBe(false);
    acknowledgements.wrote(1);
    expect(acknowledgements.full).toBe(true);
    acknowledgements.answered(n);
    expect(acknowledgements.full).toBe(false);
    expect(acknowledgements.unread).toBe(1);
  });

  it('takes numbers that were not asked for nothing', () => {
    const acknowledgements = known();
    acknowledgements.wrote(3000);
    for (const n of [0, 1, 7, 1e15]) acknowledgements.answered(n);
    expect(acknowledgements.full).toBe(true);
  });

  it('never holds back a client that does not know of numbers', () => {
    const acknowledgements = new Acknowledgements(LIMITS);
    expect(acknowledgements.wrote(5000)).toBe(1);
    acknowledgements.answered(undefined);
    expect(acknowledgements.wrote(1e9)).toBeUndefined();
    expect(acknowledgements.full).toBe(false);
  });

  it('takes a heartbeat answered without a number for no sign of that, before anything was asked', () => {
    const acknowledgements = new Acknowledgements(LIMITS);
    acknowledgements.answered(undefined);
    expect(acknowledgements.wrote(5000)).toBe(1);
  });
});
