import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../kernel/clock.fake.ts';
import { StrayAlert } from './stray-alert.ts';

describe('stray alert', () => {
  function world(isFound: (look: number) => boolean = () => false) {
    const clock = new FakeClock();
    const alert = new StrayAlert(clock);
    const start = clock.monotonic();
    const at: number[] = [];
    alert.on(() => Promise.resolve(isFound(at.push(clock.monotonic() - start))));
    /** A packet of each of these sources every 20 ms. */
    const hear = async (forMs: number, sources: (packet: number) => readonly number[]): Promise<void> => {
      for (let now = 0; now < forMs; now += 20) {
        for (const ssrc of sources(now / 20)) alert.raise(ssrc);
        await settle();
        clock.advance(20);
        await settle();
      }
    };
    return { clock, alert, at, hear };
  }

  it('a source that nobody misses is looked into less and less often', async () => {
    const { at, hear } = world();
    await hear(20_000, () => [1]);
    expect(at).toEqual([0, 20, 60, 120, 240, 480, 960, 1920, 3840, 7680, 15_360]);
  });

  it('delays no other: a new source is looked into with its first packet', async () => {
    const { clock, alert, at, hear } = world();
    await hear(5000, () => [1, 2, 3]);
    const before = at.length;
    alert.raise(4);
    expect(at).toHaveLength(before + 1);
    alert.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('one whose call was found is looked into at once the next time', async () => {
    const { at, hear } = world(() => true);
    await hear(100, () => [1]);
    expect(at).toEqual([0, 20, 40, 60, 80]);
  });

  it('a single packet that comes while it looks is looked into after, not left out', async () => {
    const clock = new FakeClock();
    const alert = new StrayAlert(clock);
    const looked = [Promise.withResolvers<boolean>(), Promise.withResolvers<boolean>()];
    let count = 0;
    const off = alert.on(() => looked[count++]?.promise ?? Promise.resolve(false));
    alert.raise(1);
    alert.raise(2);
    alert.raise(2);
    expect(count).toBe(1);
    looked[0]?.resolve(false);
    await settle();
    expect(count).toBe(2);
    looked[1]?.resolve(true);
    await settle();
    expect(count).toBe(2);
    off();
    alert.raise(3);
    expect(count).toBe(2);
  });

  it('ever new sources that nobody misses: ten looks a second, and none of them is forgotten about', async () => {
    const { clock, alert, at, hear } = world();
    await hear(10_000, (packet) => [packet]);
    expect(at.length).toBeGreaterThan(100);
    expect(at.length).toBeLessThanOrEqual(16 + 100);
    clock.advance(3000);
    await settle();
    const before = at.length;
    alert.raise(1_000_000);
    expect(at).toHaveLength(before + 1);
    expect(clock.pendingTimers).toBe(0);
  });

  it('looks no more, and leaves no timer, once closed', async () => {
    const { clock, alert, at, hear } = world();
    await hear(1000, (packet) => [packet]);
    alert.raise(1_000_000);
    const before = at.length;
    alert.close();
    expect(clock.pendingTimers).toBe(0);
    clock.advance(1000);
    alert.raise(2_000_000);
    await settle();
    expect(at).toHaveLength(before);
  });
});
