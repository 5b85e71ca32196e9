import { describe, expect, it } from 'vitest';
import { silentLog } from '../../kernel/index.ts';
import { HotBodies } from './hot-bodies.ts';

const body = new Uint8Array(10);
/** Each is heard at once, and again: nothing is a mere scan. */
function flood(hot: HotBodies, account: string, count: number): void {
  for (let n = 0; n < count; n++) {
    const name = `${account}-${String(n)}`;
    hot.put(name, body, account);
    for (let hit = 0; hit < 4; hit++) hot.inMemory(name);
  }
}
const held = (hot: HotBodies, account: string, count: number): number =>
  Array.from({ length: count }, (_, n) => hot.inMemory(`${account}-${String(n)}`)).filter(Boolean).length;

describe('MC-6 accounts in memory', () => {
  it('one that floods it drops its own, not what another uses', () => {
    const hot = new HotBodies({ log: silentLog, memoryBytes: 1000 });
    flood(hot, 'quiet', 30);
    flood(hot, 'loud', 2000);
    expect(held(hot, 'quiet', 30)).toBe(30);
    expect(held(hot, 'loud', 2000)).toBeGreaterThan(40);
    expect(hot.bytes).toBeLessThanOrEqual(1000);
  });

  it('one that is alone has all of it', () => {
    const hot = new HotBodies({ log: silentLog, memoryBytes: 1000 });
    flood(hot, 'alone', 2000);
    expect(hot.bytes).toBeGreaterThan(900);
    for (let n = 0; n < 2000; n++) hot.drop(`alone-${String(n)}`);
    expect([hot.bytes, hot.count]).toEqual([0, 0]);
    // Then nothing is counted for it any more.
    flood(hot, 'other', 100);
    expect(hot.bytes).toBeGreaterThan(900);
  });
});
