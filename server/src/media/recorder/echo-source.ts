import type { AudioFrame, FrameSource, Leg } from '../ports.ts';

/** Frames that wait to be played back: more delay than this is left out. */
const MAX_FRAMES = 10;
const SILENCE: AudioFrame = { format: 'linear16', samples: new Int16Array(160) };

/** What the leg's party says, for playing it back to it. Without end. */
export function echoSource(leg: Pick<Leg, 'addSink'>): FrameSource {
  const waiting: AudioFrame[] = [];
  const release = leg.addSink({
    write(direction, frame) {
      if (direction !== 'received') return;
      // Bytes of a packet are used again by who received it.
      const kept: AudioFrame =
        frame.format === 'linear16' ? frame : { format: frame.format, bytes: Uint8Array.from(frame.bytes) };
      if (waiting.push(kept) > MAX_FRAMES) waiting.shift();
    },
  });
  return { next: () => waiting.shift() ?? SILENCE, close: release };
}
