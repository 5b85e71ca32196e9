import type { AudioFrame, FrameSource } from '../ports.ts';
import { FRAME_SAMPLES, SAMPLE_RATE } from './g711.ts';

/** A call-progress tone: sine waves that sound together, switched on and off. */
export interface ToneSpec {
  /** Hertz; each at `levelDbm0`. */
  readonly frequencies: readonly number[];
  /** Milliseconds on, off, on, off, ...; repeated. Empty: sounds all the time. */
  readonly cadenceMs: readonly number[];
  /** Level of each frequency in dBm0 (default -19, the level of North American ringback). */
  readonly levelDbm0?: number;
}

/** Progress tones of one country, ITU-T E.180 supplement 2. */
export interface CountryTones {
  readonly ringback: ToneSpec;
  readonly busy: ToneSpec;
  /** Congestion: the network cannot carry the call. */
  readonly congestion: ToneSpec;
}

/** By ISO 3166 country code in lower case; `us` is the default for unknown ones. */
const COUNTRY_TONES: Readonly<Record<string, CountryTones>> = {
  us: {
    ringback: { frequencies: [440, 480], cadenceMs: [2000, 4000] },
    busy: { frequencies: [480, 620], cadenceMs: [500, 500] },
    congestion: { frequencies: [480, 620], cadenceMs: [250, 250] },
  },
  gb: {
    ringback: { frequencies: [400, 450], cadenceMs: [400, 200, 400, 2000] },
    busy: { frequencies: [400], cadenceMs: [375, 375] },
    congestion: { frequencies: [400], cadenceMs: [400, 350, 225, 525] },
  },
  de: {
    ringback: { frequencies: [425], cadenceMs: [1000, 4000] },
    busy: { frequencies: [425], cadenceMs: [480, 480] },
    congestion: { frequencies: [425], cadenceMs: [240, 240] },
  },
  fr: {
    ringback: { frequencies: [440], cadenceMs: [1500, 3500] },
    busy: { frequencies: [440], cadenceMs: [500, 500] },
    congestion: { frequencies: [440], cadenceMs: [250, 250] },
  },
  au: {
    ringback: { frequencies: [400, 450], cadenceMs: [400, 200, 400, 2000] },
    busy: { frequencies: [425], cadenceMs: [375, 375] },
    congestion: { frequencies: [425], cadenceMs: [375, 375] },
  },
};

/** Ringing tones of further countries: frequencies, cadence. Their busy and congestion tones are 425 Hz as in most of Europe. */
const RINGBACKS: Readonly<Record<string, readonly [readonly number[], readonly number[]]>> = {
  at: [[420], [1000, 5000]],
  be: [[425], [1000, 3000]],
  bg: [[425], [1000, 4000]],
  br: [[425], [1000, 4000]],
  ch: [[425], [1000, 4000]],
  cl: [[400], [1000, 3000]],
  cn: [[450], [1000, 4000]],
  cz: [[425], [1000, 4000]],
  dk: [[425], [1000, 4000]],
  ee: [[425], [1000, 4000]],
  es: [[425], [1500, 3000]],
  fi: [[425], [1000, 4000]],
  gr: [[425], [1000, 4000]],
  hu: [[425], [1250, 3750]],
  il: [[400], [1000, 3000]],
  in: [
    [375, 425],
    [400, 200, 400, 2000],
  ],
  it: [[425], [1000, 4000]],
  jp: [
    [385, 415],
    [1000, 2000],
  ],
  lt: [[425], [1000, 4000]],
  mx: [[425], [1000, 4000]],
  my: [[425], [400, 200, 400, 2000]],
  nl: [[425], [1000, 4000]],
  no: [[425], [1000, 4000]],
  nz: [
    [400, 450],
    [400, 200, 400, 2000],
  ],
  ph: [
    [425, 480],
    [1000, 4000],
  ],
  pl: [[425], [1000, 4000]],
  pt: [[425], [1000, 5000]],
  ru: [[425], [800, 3200]],
  se: [[425], [1000, 5000]],
  sg: [
    [400, 425],
    [400, 200, 400, 2000],
  ],
  th: [[400], [1000, 4000]],
  tw: [
    [440, 480],
    [1000, 2000],
  ],
  ve: [[425], [1000, 4000]],
  'us-old': [[420], [2000, 4000]],
  za: [
    [400, 433],
    [400, 200, 400, 2000],
  ],
};
/** Codes in use for a country beside its ISO 3166 one. */
const ALIASES: Readonly<Record<string, string>> = { uk: 'gb' };

/** The tones of a country, or North America's when the code is unknown. */
export function countryTones(country = 'us'): CountryTones {
  const lower = country.toLowerCase();
  const code = Object.hasOwn(ALIASES, lower) ? (ALIASES[lower] ?? lower) : lower;
  if (Object.hasOwn(COUNTRY_TONES, code)) return COUNTRY_TONES[code] as CountryTones;
  const ringing = Object.hasOwn(RINGBACKS, code) ? RINGBACKS[code] : undefined;
  if (ringing === undefined) return COUNTRY_TONES['us'] as CountryTones;
  const [frequencies, cadenceMs] = ringing;
  return { ...(COUNTRY_TONES['de'] as CountryTones), ringback: { frequencies, cadenceMs } };
}

/** Peak amplitude of a sine at a level, in 16-bit units: a full-scale sine is +3.17 dBm0 in mu-law (G.711 table 5). */
function dbm0ToAmplitude(levelDbm0: number): number {
  return 32_124 * 10 ** ((levelDbm0 - 3.17) / 20);
}

/** True when the cadence sounds at this time since its start. */
export function isOn(cadenceMs: readonly number[], atMs: number): boolean {
  const cycle = cadenceMs.reduce((sum, part) => sum + part, 0);
  if (cycle <= 0) return true;
  let rest = atMs % cycle;
  for (const [index, part] of cadenceMs.entries()) {
    if (rest < part) return index % 2 === 0;
    rest -= part;
  }
  return false;
}

/** `count` samples of the tone, starting `from` samples after its beginning. */
export function renderTone(tone: ToneSpec, from: number, count: number): Int16Array {
  const amplitude = dbm0ToAmplitude(tone.levelDbm0 ?? -19);
  const steps = tone.frequencies.map((hertz) => (2 * Math.PI * hertz) / SAMPLE_RATE);
  const samples = new Int16Array(count);
  for (let at = 0; at < count; at++) {
    const time = from + at;
    if (!isOn(tone.cadenceMs, (time * 1000) / SAMPLE_RATE)) continue;
    let sum = 0;
    for (const step of steps) sum += Math.sin(step * time);
    samples[at] = Math.max(-32_768, Math.min(32_767, Math.round(sum * amplitude)));
  }
  return samples;
}

/** Plays the tone for `durationMs`, or without end. */
export function toneSource(tone: ToneSpec, durationMs = Infinity): FrameSource {
  const end = (durationMs * SAMPLE_RATE) / 1000;
  let position = 0;
  return {
    next(): AudioFrame | undefined {
      if (position >= end) return undefined;
      const count = Math.min(FRAME_SAMPLES, end - position);
      const samples = renderTone(tone, position, count);
      position += FRAME_SAMPLES;
      return { format: 'linear16', samples };
    },
    rewind() {
      position = 0;
    },
  };
}
