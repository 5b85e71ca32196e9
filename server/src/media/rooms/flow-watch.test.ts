import { describe, expect, it } from 'vitest';
import { FlowWatch } from './flow-watch.ts';

function watch(): { flow: FlowWatch; told: string[]; run: (from: number, to: number) => void } {
  const told: string[] = [];
  const flow = new FlowWatch(
    { now: 0, silentAfterMs: 5000, ready: true },
    {
      flowing: (ms) => told.push(`flowing ${String(ms)}`),
      silent: (ms) => told.push(`silent ${String(ms)}`),
      resumed: (ms) => told.push(`resumed ${String(ms)}`),
    },
  );
  flow.expect(true, 0);
  const run = (from: number, to: number): void => {
    for (let now = from; now <= to; now += 20) flow.check(now);
  };
  return { flow, told, run };
}

describe('silence of a far end that sends nothing on purpose', () => {
  it('is told after 5 s when nothing excuses it', () => {
    const { flow, told, run } = watch();
    flow.media(100);
    run(100, 20_000);
    flow.media(20_000);
    expect(told).toEqual(['flowing 100', 'silent 5000', 'resumed 19900']);
  });

  it('comfort noise excuses it, but not for ever', () => {
    const { flow, told, run } = watch();
    flow.media(100);
    flow.excuse(100, 60_000);
    run(100, 60_090);
    expect(told).toEqual(['flowing 100']);
    run(60_100, 60_200);
    expect(told.slice(1)).toEqual(['silent 60000']);
  });

  it('reports that nothing is missing excuse it as long as they come', () => {
    const { flow, told, run } = watch();
    flow.media(100);
    for (let at = 3000; at < 100_000; at += 7500) {
      flow.excuse(at, 8000);
      run(at, at + 7400);
    }
    expect(told).toEqual(['flowing 100']);
    run(100_000, 110_000);
    expect(told.length).toBe(2);
  });

  it('a report that comes late ends a silence that was told, so that the call is not ended for it', () => {
    const { flow, told, run } = watch();
    flow.media(100);
    run(100, 6000);
    flow.excuse(6000, 8000);
    expect(told).toEqual(['flowing 100', 'silent 5000', 'resumed 5900']);
  });

  it('an excuse is no media: the path does not count as up', () => {
    const { flow } = watch();
    flow.excuse(100, 8000);
    expect(flow.isFlowing).toBe(false);
  });

  it('while the far end need not send, an excuse is nothing to tell of', () => {
    const { flow, told } = watch();
    flow.expect(false, 0);
    flow.excuse(100, 8000);
    expect(told).toEqual([]);
  });
});
