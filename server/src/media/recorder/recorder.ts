import type { Clock, Timer } from '../../kernel/index.ts';
import { FRAME_SAMPLES, SAMPLE_RATE, frameToLinear } from '../audio/g711.ts';
import type { AudioFrame, FrameSink, RecordingFile } from '../ports.ts';
import { RecordingTrack, WINDOW_SAMPLES } from './recording-track.ts';

export interface RecorderOptions {
  readonly clock: Clock;
  /** Owned by the recorder from now on. */
  readonly file: RecordingFile;
  /** `dual`: `received` and `sent` as channels of their own, in this order. */
  readonly channels: 'mono' | 'dual';
  /** Which direction is recorded. `inbound`: `received`. */
  readonly track: 'both' | 'inbound' | 'outbound';
  /** Silence at the beginning and the end is left out. */
  readonly trim: boolean;
  /** Silence that ends the recording, milliseconds; undefined: none does. */
  readonly endSilenceMs: number | undefined;
  /** Longest recording, milliseconds. */
  readonly maxMs: number;
}

export interface RecorderListener {
  /** Silence or the longest time: nothing is taken up any more. Not called after `stop`. */
  ended(reason: 'silence' | 'max-length', durationMs: number): void;
}

/** How often what has come is put into the file, milliseconds. A crash loses no more than this and {@link HOLD_MS}. */
const FLUSH_MS = 200;
/** What is younger than this may still be filled in by a late packet, milliseconds. */
const HOLD_MS = 200;
const SAMPLES_PER_MS = SAMPLE_RATE / 1000;
/** Root mean square of a frame that is more than the noise of a line: about -45 dBov. */
const AUDIBLE_RMS = 180;
/** Kept behind the last sound when the end is trimmed, milliseconds. */
const TAIL_MS = 200;

/**
 * Records a leg, or anything else that shows its frames to a sink: both directions on one clock, silence where nothing
 * came, written as it comes. Holds a timer until it is stopped.
 */
export class Recorder implements FrameSink {
  readonly #options: RecorderOptions;
  readonly #listener: RecorderListener;
  readonly #received = new RecordingTrack();
  readonly #sent = new RecordingTrack();
  readonly #started: number;
  #timer: Timer | undefined;
  /** Milliseconds left out by pauses so far. */
  #skippedMs = 0;
  #paused: { readonly since: number; readonly skip: boolean } | undefined;
  /** Samples taken from the tracks. */
  #taken = 0;
  /** Samples of each channel in the file. */
  #written = 0;
  /** `#written` behind the last sound; undefined: nothing was heard yet. */
  #soundEnd: number | undefined;
  /** `#taken` behind the last sound. */
  #lastSound = 0;
  #ended = false;

  constructor(options: RecorderOptions, listener: RecorderListener) {
    this.#options = options;
    this.#listener = listener;
    this.#started = options.clock.monotonic();
    this.#schedule();
  }

  write(direction: 'received' | 'sent', frame: AudioFrame, timestamp: number): void {
    if (this.#ended || this.#paused !== undefined) return;
    const { track } = this.#options;
    if (track === (direction === 'received' ? 'outbound' : 'inbound')) return;
    const now = this.#position();
    // The timer is late: the tracks keep no more than a second.
    if (now - this.#taken > WINDOW_SAMPLES / 2) this.#take(now - HOLD_MS * SAMPLES_PER_MS);
    const target = direction === 'received' ? this.#received : this.#sent;
    target.write(frameToLinear(frame), timestamp, now);
  }

  /** `skip`: the pause is no part of the recording; else it is silence. */
  pause(skip: boolean): void {
    if (this.#ended || this.#paused !== undefined) return;
    this.#take(this.#position());
    this.#paused = { since: this.#options.clock.monotonic(), skip };
  }

  resume(): void {
    const paused = this.#paused;
    if (this.#ended || paused === undefined) return;
    this.#paused = undefined;
    if (paused.skip) this.#skippedMs += this.#options.clock.monotonic() - paused.since;
    this.#received.interrupt();
    this.#sent.interrupt();
    // A pause is no silence that somebody kept.
    this.#lastSound = Math.max(this.#lastSound, this.#position());
  }

  /** Takes up nothing more. @returns length of what is kept, milliseconds; 0: nothing */
  stop(): number {
    if (!this.#ended) {
      this.#take(this.#position());
      this.#end();
    }
    return this.#keptMs();
  }

  /** After `stop` or `ended`: resolves when the file is safe, with its size. @throws what the file throws */
  async close(): Promise<{ readonly bytes: number }> {
    const samples = this.#kept();
    if (samples > 0) return this.#options.file.finish(samples);
    await this.#options.file.discard();
    return { bytes: 0 };
  }

  #end(): void {
    this.#ended = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer = this.#options.clock.setTimer(FLUSH_MS, () => {
      this.#take(this.#position(HOLD_MS));
      this.#judge();
      if (!this.#ended) this.#schedule();
    });
  }

  /** Position of the moment `ago` milliseconds before this one on the time line. */
  #position(ago = 0): number {
    const now = this.#paused?.skip === true ? this.#paused.since : this.#options.clock.monotonic();
    const limit = this.#options.maxMs;
    return Math.floor(Math.min(limit, now - this.#started - this.#skippedMs - ago)) * SAMPLES_PER_MS;
  }

  #judge(): void {
    const { endSilenceMs, maxMs } = this.#options;
    const silence = (this.#taken - this.#lastSound) / SAMPLES_PER_MS;
    if (this.#taken >= maxMs * SAMPLES_PER_MS) this.#finish('max-length');
    else if (endSilenceMs !== undefined && this.#paused === undefined && silence >= endSilenceMs) {
      this.#finish('silence');
    }
  }

  #finish(reason: 'silence' | 'max-length'): void {
    this.#end();
    this.#listener.ended(reason, this.#keptMs());
  }

  /** Puts what has come up to this position into the file, in whole frames. */
  #take(until: number): void {
    const blocks = Math.floor((until - this.#taken) / FRAME_SAMPLES);
    if (blocks <= 0) return;
    const { channels, track } = this.#options;
    const pieces: Int16Array[] = [];
    const [received, sent] = [new Int16Array(FRAME_SAMPLES), new Int16Array(FRAME_SAMPLES)];
    for (let block = 0; block < blocks; block++) {
      this.#received.take(received);
      this.#sent.take(sent);
      this.#taken += FRAME_SAMPLES;
      const audible = isAudible(received) || isAudible(sent);
      if (audible) this.#lastSound = this.#taken;
      if (this.#soundEnd === undefined && !audible && this.#options.trim) continue;
      const piece = channels === 'dual' && track === 'both' ? interleave(received, sent) : mix(received, sent);
      pieces.push(piece);
      this.#written += FRAME_SAMPLES;
      if (audible) this.#soundEnd = this.#written;
    }
    for (const piece of pieces) this.#options.file.append(piece);
  }

  /** Samples of each channel that are kept. */
  #kept(): number {
    const { trim, endSilenceMs } = this.#options;
    const silent = this.#soundEnd === undefined;
    if (silent && (trim || endSilenceMs !== undefined)) return 0;
    if (!trim || this.#soundEnd === undefined) return this.#written;
    return Math.min(this.#written, this.#soundEnd + TAIL_MS * SAMPLES_PER_MS);
  }

  #keptMs(): number {
    return this.#kept() / SAMPLES_PER_MS;
  }
}

/** Channels that the file of a recording has. */
export function channelsOf({ channels, track }: Pick<RecorderOptions, 'channels' | 'track'>): 1 | 2 {
  return channels === 'dual' && track === 'both' ? 2 : 1;
}

function isAudible(samples: Int16Array): boolean {
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  return energy > AUDIBLE_RMS * AUDIBLE_RMS * samples.length;
}

function mix(one: Int16Array, other: Int16Array): Int16Array {
  return one.map((sample, at) => Math.max(-32_768, Math.min(32_767, sample + (other[at] ?? 0))));
}

function interleave(left: Int16Array, right: Int16Array): Int16Array {
  const both = new Int16Array(left.length * 2);
  for (let at = 0; at < left.length; at++) {
    both[at * 2] = left[at] ?? 0;
    both[at * 2 + 1] = right[at] ?? 0;
  }
  return both;
}
