import type { AudioStream, PlayMedia } from '../calls/ports.ts';
import {
  beep,
  echoSource,
  countryTones,
  decodeWav,
  g711InWav,
  g711Source,
  holdMusic,
  pcmSource,
  silenceSource,
  streamSource,
  toneSource,
} from '../media/index.ts';
import type { FrameSource, Leg } from '../media/index.ts';

/** Samples of wav files that are not telephone audio yet, as long as somebody has the file. */
const decoded = new WeakMap<Uint8Array, Int16Array>();

function samplesOf(file: Uint8Array): Int16Array {
  const known = decoded.get(file);
  if (known !== undefined) return known;
  const samples = decodeWav(file);
  decoded.set(file, samples);
  return samples;
}

function wavSource(file: Uint8Array | AudioStream): FrameSource {
  if (!(file instanceof Uint8Array)) return streamSource(file.codec, file.read());
  const g711 = g711InWav(file);
  return g711 === undefined ? pcmSource(samplesOf(file)) : g711Source(g711.codec, g711.bytes);
}

/** The tone before a recording, 1 kHz as answering machines have it. */
const RECORD_BEEP = { tone: { frequencies: [1000], cadenceMs: [], levelDbm0: -12 }, ms: 500 } as const;

/** What `leg` is to play, as frames. @throws MediaError `bad-audio` for a wav file that cannot be read */
export function frameSource(media: PlayMedia, leg?: Leg): FrameSource {
  switch (media.kind) {
    case 'tone':
      return toneSource(countryTones(media.country)[media.tone]);
    case 'silence':
      return silenceSource(media.durationMs);
    case 'music':
      return holdMusic();
    case 'beep':
      if (media.which === 'record') return toneSource(RECORD_BEEP.tone, RECORD_BEEP.ms);
      return beep(media.which);
    case 'echo':
      return leg === undefined ? silenceSource() : echoSource(leg);
    case 'wav':
      return repeat(wavSource(media.data), media.loop);
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
    close() {
      source.close?.();
    },
  };
}
