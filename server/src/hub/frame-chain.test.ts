import { describe, expect, it } from 'vitest';
import { FrameChain } from './frame-chain.ts';
import { OutboundFrame } from './outbound-frame.ts';
import type { OutletItem } from './outlet.ts';

const item = (text: string): OutletItem => ({ frame: new OutboundFrame(text), event: undefined });
const texts = (chain: FrameChain): string[] => chain.frames().map(({ json }) => json);

describe('what waits for the receivers of one topic', () => {
  it('is one chain for all of them, events alone and several at once in their order', () => {
    const root = FrameChain.root();
    const [one, run, last] = [item('1'), [item('2'), item('3')], item('4')];
    const build = (): FrameChain =>
      root
        .append(one, () => 7)
        .appendAll(run, () => 8)
        .append(last, () => 9);
    const chain = build();
    expect(build()).toBe(chain);
    expect(texts(chain)).toEqual(['1', '2', '3', '4']);
    expect(chain.frames()).toBe(build().frames());
    expect([chain.count, chain.bytes, chain.since]).toEqual([4, 4, 7]);
  });

  it('parts where receivers have different events', () => {
    const root = FrameChain.root();
    const run = [item('2'), item('3')];
    const one = root.append(item('1'), () => 0).appendAll(run, () => 0);
    const other = root.appendAll(run, () => 0).append(item('4'), () => 0);
    expect(texts(one)).toEqual(['1', '2', '3']);
    expect(texts(other)).toEqual(['2', '3', '4']);
    expect(root.count).toBe(0);
  });
});
