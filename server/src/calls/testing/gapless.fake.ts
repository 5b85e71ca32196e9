import { expect } from 'vitest';
import type { CallWorld } from './call-world.fake.ts';

/** EV-1: per call the sequence begins at 0 and has no gap. */
export function expectGapless(world: CallWorld): void {
  const next = new Map<string, number>();
  for (const { subject, sequence, type } of world.events) {
    // Events of recordings, streams and the like are no part of the call's own order.
    if (!type.startsWith('call.')) continue;
    const expected = next.get(String(subject)) ?? 0;
    expect(sequence).toBe(expected);
    next.set(String(subject), expected + 1);
  }
}
