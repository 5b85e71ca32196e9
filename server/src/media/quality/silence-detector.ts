import { decodeG711 } from '../audio/g711.ts';
import type { G711Codec } from '../ports.ts';

/** What the detector tells. */
export interface SilenceListener {
  /** Packets have come for so long and none of those looked at was louder than `levelDbov`. Once per stretch. */
  quiet(forMs: number, levelDbov: number): void;
  /** Sound again, after so long. */
  sound(afterMs: number): void;
}

export interface SilenceOptions {
  /** How long it has to be silent, milliseconds. */
  readonly afterMs: number;
  /** Quieter than this is silence, dBov. A quiet room's noise through a telephone is -60 to -70; muted ones send nothing but zeros. */
  readonly thresholdDbov: number;
  /** How often a packet is looked at, milliseconds: speech does not hide between looks for long. */
  readonly everyMs: number;
}

export const SILENCE_DEFAULTS: SilenceOptions = { afterMs: 30_000, thresholdDbov: -70, everyMs: 500 };
/** Between two packets so far apart there was no stream: held, or silence suppressed by the far end. */
const PAUSE_MS = 6_000;
const SILENT_DBOV = -127;

/**
 * Notices audio that flows and holds nothing: the level of one packet in {@link SilenceOptions.everyMs}. 4 microseconds per
 * look. Holds no timer.
 */
export class SilenceDetector {
  readonly #options: SilenceOptions;
  readonly #listener: SilenceListener;
  #since: number | undefined;
  #lookedAt = -Infinity;
  #loudest = SILENT_DBOV;
  #told = false;
  #totalMs = 0;

  constructor(listener: SilenceListener, options: SilenceOptions = SILENCE_DEFAULTS) {
    this.#listener = listener;
    this.#options = options;
  }

  /** Time in stretches that were told, the running one included. Milliseconds. */
  totalMs(now: number): number {
    return this.#totalMs + (this.#told && this.#since !== undefined ? now - this.#since : 0);
  }

  /** A packet of audio. @param now monotonic milliseconds */
  audio(codec: G711Codec, payload: Uint8Array, now: number): void {
    const elapsed = now - this.#lookedAt;
    if (elapsed < this.#options.everyMs) return;
    if (elapsed > PAUSE_MS + this.#options.everyMs) this.#end(this.#lookedAt);
    this.#lookedAt = now;
    const level = levelDbov(decodeG711(codec, payload));
    if (level > this.#options.thresholdDbov) {
      this.#end(now);
      return;
    }
    this.#since ??= now;
    this.#loudest = Math.max(this.#loudest, level);
    if (this.#told || now - this.#since < this.#options.afterMs) return;
    this.#told = true;
    this.#listener.quiet(now - this.#since, this.#loudest);
  }

  #end(now: number): void {
    const since = this.#since;
    this.#since = undefined;
    this.#loudest = SILENT_DBOV;
    if (!this.#told || since === undefined) return;
    this.#told = false;
    this.#totalMs += now - since;
    this.#listener.sound(now - since);
  }
}

/** RMS in dB below full scale, -127 for digital silence (RFC 6464 counts so). */
export function levelDbov(samples: Int16Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  if (sum === 0) return SILENT_DBOV;
  return Math.max(SILENT_DBOV, Math.round(10 * Math.log10(sum / samples.length / 32_768 ** 2)));
}
