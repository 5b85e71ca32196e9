import type { FrameSource, G711Codec } from '../ports.ts';
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

/** Plays G.711 bytes as they are; they are shared, not copied. */
export function g711Source(codec: G711Codec, bytes: Uint8Array): FrameSource {
  let position = 0;
  return {
    next() {
      if (position >= bytes.length) return undefined;
      const frame = bytes.subarray(position, position + FRAME_SAMPLES);
      position += FRAME_SAMPLES;
      return { format: codec, bytes: frame };
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
