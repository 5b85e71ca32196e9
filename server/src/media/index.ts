export type * from './ports.ts';
export { MediaError } from './media-error.ts';
export type { MediaErrorReason } from './media-error.ts';
export { decodeG711, encodeG711, FRAME_SAMPLES, SAMPLE_RATE } from './audio/g711.ts';
export { pcmSource, silenceSource } from './audio/pcm-source.ts';
export { countryTones, toneSource } from './audio/tones.ts';
export type { CountryTones, ToneSpec } from './audio/tones.ts';
export { dtmfSource } from './audio/dtmf.ts';
export { decodeWav, encodeWav } from './audio/wav.ts';
