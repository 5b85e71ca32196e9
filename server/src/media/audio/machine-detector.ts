import { toneShare } from './goertzel.ts';
import { SpeechDetector, rms } from './speech-detector.ts';

export interface MachineDetectorOptions {
  /** `message-end`: of a machine it is told when its greeting is over. */
  readonly mode: 'enable' | 'message-end';
  readonly timeoutMs: number;
  readonly speechThresholdMs: number;
  readonly speechEndThresholdMs: number;
  readonly silenceTimeoutMs: number;
}

export type MachineVerdict =
  'human' | 'machine_start' | 'machine_end_beep' | 'machine_end_silence' | 'machine_end_other' | 'fax' | 'unknown';

const FRAME_MS = 20;
/** Share of a frame's energy in one frequency that makes it a tone; a vowel has less. */
const TONE_SHARE = 0.85;
const TONE_RMS = 400;
/** Frames of one tone that are a beep, and an answering fax (CED, ITU-T T.30: 2.6 s at least). */
const BEEP_FRAMES = 6;
const FAX_FRAMES = 40;
const CED_HZ = 2100;
/** Beeps of answering machines. Hertz. */
const TONES = Array.from({ length: 36 }, (_, step) => 400 + step * 50);
/** Silence after a greeting during which a beep may still come, milliseconds. */
const BEEP_WAIT_MS = 1600;

/**
 * Who answers, told from 20 ms frames: a person says a few words and waits, a machine talks on, then beeps.
 *
 *     silent --speech--> greeting --speechEndThreshold of silence--> human
 *        |                  +--longer than speechThreshold--> machine: told at once, or
 *        |                                     (message-end) --beep, silence--> machine_end_*
 *        +--silenceTimeout--> unknown          any --timeout--> unknown | machine_end_other     --2100 Hz--> fax
 */
export class MachineDetector {
  readonly #options: MachineDetectorOptions;
  readonly #speech = new SpeechDetector();
  #frames = 0;
  #greetingSince: number | undefined;
  #lastSpeech = 0;
  #machine = false;
  #tone: { hertz: number; frames: number } | undefined;
  #verdict: MachineVerdict | undefined;

  constructor(options: MachineDetectorOptions) {
    this.#options = options;
  }

  /** Audio that was looked at, milliseconds. */
  get elapsedMs(): number {
    return this.#frames * FRAME_MS;
  }

  /** @returns the verdict, from the frame on that decides it */
  frame(samples: Int16Array): MachineVerdict | undefined {
    this.#verdict ??= this.#judge(samples);
    return this.#verdict;
  }

  #judge(samples: Int16Array): MachineVerdict | undefined {
    this.#frames++;
    const now = this.elapsedMs;
    const beeped = this.#listenForTone(samples);
    const talking = this.#speech.frame(samples) && this.#tone === undefined;
    if (this.#tone?.hertz === CED_HZ && this.#tone.frames >= FAX_FRAMES) return 'fax';
    if (talking) {
      this.#lastSpeech = now;
      this.#greetingSince ??= now;
    }
    const { mode, timeoutMs, speechThresholdMs, speechEndThresholdMs, silenceTimeoutMs } = this.#options;
    if (this.#machine) {
      if (beeped) return 'machine_end_beep';
      if (this.#tone === undefined && now - this.#lastSpeech >= Math.max(BEEP_WAIT_MS, speechEndThresholdMs)) {
        return 'machine_end_silence';
      }
      return now >= timeoutMs ? 'machine_end_other' : undefined;
    }
    if (beeped) return this.#foundMachine(mode, 'machine_end_beep');
    if (now >= timeoutMs) return 'unknown';
    if (this.#greetingSince === undefined) return now >= silenceTimeoutMs ? 'unknown' : undefined;
    if (this.#lastSpeech - this.#greetingSince >= speechThresholdMs) return this.#foundMachine(mode, undefined);
    return now - this.#lastSpeech >= speechEndThresholdMs ? 'human' : undefined;
  }

  #foundMachine(mode: MachineDetectorOptions['mode'], end: 'machine_end_beep' | undefined): MachineVerdict | undefined {
    if (mode === 'enable') return 'machine_start';
    this.#machine = true;
    return end;
  }

  /** @returns true with the first frame after a beep */
  #listenForTone(samples: Int16Array): boolean {
    const hertz = toneOf(samples);
    const before = this.#tone;
    const same = before !== undefined && hertz !== undefined && Math.abs(hertz - before.hertz) <= 50;
    if (same) before.frames++;
    else this.#tone = hertz === undefined ? undefined : { hertz, frames: 1 };
    return !same && before !== undefined && before.frames >= BEEP_FRAMES && before.frames < FAX_FRAMES * 2;
  }
}

/** The frequency that makes up nearly all of the frame. */
function toneOf(samples: Int16Array): number | undefined {
  if (rms(samples) < TONE_RMS) return undefined;
  let best: { hertz: number; share: number } | undefined;
  for (const hertz of TONES) {
    const share = toneShare(samples, hertz);
    if (best === undefined || share > best.share) best = { hertz, share };
  }
  return best !== undefined && best.share >= TONE_SHARE ? best.hertz : undefined;
}
