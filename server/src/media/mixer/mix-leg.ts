import { Emitter, toError } from '../../kernel/index.ts';
import type { Log, Unsubscribe } from '../../kernel/index.ts';
import { FRAME_SAMPLES, decodeG711, frameToLinear } from '../audio/g711.ts';
import type { Pacer } from '../playout/pacer.ts';
import type { G711Codec, LegCloseReason, MixLegEvents, MixLegMedia, MixLegSettings } from '../ports.ts';
import { LegAudio } from '../rooms/leg-audio.ts';
import { PlayoutBuffer } from './playout-buffer.ts';
import { TalkDetector } from './talk-detector.ts';

/** A sample this loud is more than the idle noise of a line: without one a frame adds nothing to the mix. */
const AUDIBLE = 16;

/**
 * One participant's place in a mix: the peer of its leg within a room. What the leg's party says comes in by `forward`, what
 * it is to hear goes out at the mixer's tick.
 */
export class MixLeg implements MixLegMedia {
  readonly kind = 'mix';
  readonly id: string;
  readonly audio: LegAudio;
  readonly #events: Emitter<MixLegEvents>;
  readonly #buffer = new PlayoutBuffer();
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  readonly #talk = new TalkDetector();
  readonly #leave: (leg: MixLeg) => void;
  #settings: MixLegSettings = { muted: false, held: false, audience: undefined };
  #sequence = 0;
  #timestamp = 0;
  #closed = false;

  constructor(parts: { id: string; pacer: Pacer; log: Log; leave: (leg: MixLeg) => void }) {
    const log = parts.log.child({ leg: parts.id });
    this.id = parts.id;
    this.#leave = parts.leave;
    this.#events = new Emitter((error, event) => {
      log.error({ err: toError(error), event }, 'a listener of a place in a mix failed');
    });
    this.audio = new LegAudio({
      pacer: parts.pacer,
      log,
      output: {
        codec: 'PCMU',
        forward: ({ codec, payload, timestamp }) => {
          this.#take(decodeG711(codec, payload));
          return timestamp;
        },
        skip: () => undefined,
        play: (frame) => {
          this.#take(frameToLinear(frame));
          return undefined;
        },
      },
    });
  }

  get settings(): MixLegSettings {
    return this.#settings;
  }

  /** What the leg's party hears in. */
  get codec(): G711Codec {
    return this.audio.peer?.codec ?? 'PCMU';
  }

  set(change: Partial<MixLegSettings>): void {
    this.#settings = { ...this.#settings, ...change };
  }

  on<K extends keyof MixLegEvents>(event: K, listener: (payload: MixLegEvents[K]) => void): Unsubscribe {
    return this.#events.on(event, listener);
  }

  /** The next 20 ms that its party said, when they count for the others. Good until the next call. */
  pull(): Int16Array | undefined {
    const came = this.#buffer.read(this.#frame);
    const { muted, held } = this.#settings;
    const counts = came && !muted && !held;
    if (this.#talk.frame(counts ? this.#frame : undefined)) {
      this.#events.emit('talking', { talking: this.#talk.isTalking });
    }
    return counts && isAudible(this.#frame) ? this.#frame : undefined;
  }

  /** Gives its party the next 20 ms to hear. */
  deliver(codec: G711Codec, payload: Uint8Array, now: number): void {
    const packet = { key: this, codec, sequence: this.#sequence, timestamp: this.#timestamp, marker: false, payload };
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#timestamp = (this.#timestamp + FRAME_SAMPLES) >>> 0;
    this.audio.said(packet, now);
  }

  close(reason: LegCloseReason = 'closed'): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    this.#leave(this);
    this.audio.stop();
    this.#events.emit('closed', { reason });
    this.#events.clear();
    return Promise.resolve();
  }

  #take(samples: Int16Array): void {
    // Nothing of what was said on hold is heard after it.
    if (this.#settings.held) this.#buffer.clear();
    else this.#buffer.write(samples);
  }
}

function isAudible(samples: Int16Array): boolean {
  for (const sample of samples) if (sample > AUDIBLE || sample < -AUDIBLE) return true;
  return false;
}
