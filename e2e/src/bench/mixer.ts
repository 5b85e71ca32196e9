import { Target } from '../load/target.ts';
import { median } from './result.ts';
import type { BenchResult } from './result.ts';

type BySize = Readonly<Record<string, number>>;
interface Figures {
  /** Everybody talks at once: the most that a conference can cost. */
  readonly all: BySize;
  /** Three talk, as people do. */
  readonly three: BySize;
}

/** CPU microseconds of one participant in one frame of 20 ms, by participants. Medians of the rounds. */
export async function mixerCost(rounds: number): Promise<Figures> {
  const { target } = await Target.start('server/src/media/testing/mixer-cost.ts');
  try {
    const taken: Figures[] = [];
    for (let round = 0; round < rounds; round++) taken.push(await target.ask<Figures>('run'));
    return { all: medians(taken.map(({ all }) => all)), three: medians(taken.map(({ three }) => three)) };
  } finally {
    await target.close();
  }
}

function medians(taken: readonly BySize[]): BySize {
  const sizes = Object.keys(taken[0] ?? {});
  return Object.fromEntries(sizes.map((size) => [size, median(taken.map((each) => each[size] ?? NaN))]));
}

export async function mixer({ quick }: { quick: boolean }): Promise<BenchResult> {
  const rounds = quick ? 3 : 10;
  const { all, three } = await mixerCost(rounds);
  return {
    load: { participants: Object.keys(all).map(Number), frame_ms: 20, rounds },
    ours: { mixer_us_per_participant_frame: all, mixer_us_per_participant_frame_three_talk: three },
    notes: ['CPU time of the process: taking in, mixing and encoding, without RTP'],
  };
}
