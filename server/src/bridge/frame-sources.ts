import type { PlayMedia } from '../calls/ports.ts';
import { countryTones, decodeWav, pcmSource, silenceSource, toneSource } from '../media/index.ts';
import type { FrameSource } from '../media/index.ts';

/** What a leg is to play, as frames. @throws MediaError `bad-audio` for a wav file that cannot be read */
export function frameSource(media: PlayMedia): FrameSource {
  switch (media.kind) {
    case 'tone':
      return toneSource(countryTones()[media.tone]);
    case 'silence':
      return silenceSource(media.durationMs);
    case 'wav':
      return repeat(pcmSource(decodeWav(media.data)), media.loop);
  }
}

/** Plays a source `times` times; 0 goes on until it is stopped, as the `loop` attribute of TwiML has it. */
function repeat(source: FrameSource, times: number): FrameSource {
  let left = times === 0 ? Infinity : times;
  return {
    next() {
      const frame = source.next();
      if (frame !== undefined || --left < 1) return frame;
      source.rewind?.();
      // An empty recording ends at once instead of turning without end.
      return source.next();
    },
  };
}
