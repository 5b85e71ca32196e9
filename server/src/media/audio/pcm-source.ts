import type { FrameSource } from '../ports.ts';
import { FRAME_SAMPLES } from './g711.ts';

/** Plays 16-bit samples at 8 kHz; the samples are shared, not copied. */
export function pcmSource(samples: Int16Array): FrameSource {
  let position = 0;
  return {
    next() {
      if (position >= samples.length) return undefined;
      const frame = samples.subarray(position, position + FRAME_SAMPLES);
      position += FRAME_SAMPLES;
      return { format: 'linear16', samples: frame };
    },
    rewind() {
      position = 0;
    },
  };
}

/** Silence for `durationMs`, or without end. */
export function silenceSource(durationMs = Infinity): FrameSource {
  const frame = { format: 'linear16', samples: new Int16Array(FRAME_SAMPLES) } as const;
  let left = Math.ceil(durationMs / 20);
  return { next: () => (left-- > 0 ? frame : undefined) };
}
