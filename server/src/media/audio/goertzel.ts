import { SAMPLE_RATE } from './g711.ts';

/**
 * Share of the samples' energy that lies at one frequency, 0 to about 1 (Goertzel's algorithm on the whole block; a pure
 * sine gives 1). Resolution is the reciprocal of the block's duration. 0 for silence.
 */
export function toneShare(samples: Int16Array, hertz: number, sampleRate = SAMPLE_RATE): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hertz) / sampleRate);
  let [before, last, energy] = [0, 0, 0];
  for (const sample of samples) {
    const current = sample + coefficient * last - before;
    before = last;
    last = current;
    energy += sample * sample;
  }
  if (energy === 0) return 0;
  const power = last * last + before * before - coefficient * last * before;
  return (2 * power) / (energy * samples.length);
}

/** The candidate with the largest share, when it has at least `minimumShare` (default 0.4) of the energy. */
export function dominantTone(
  samples: Int16Array,
  candidates: readonly number[],
  minimumShare = 0.4,
): number | undefined {
  let best: { hertz: number; share: number } | undefined;
  for (const hertz of candidates) {
    const share = toneShare(samples, hertz);
    if (share >= minimumShare && (best === undefined || share > best.share)) best = { hertz, share };
  }
  return best?.hertz;
}
