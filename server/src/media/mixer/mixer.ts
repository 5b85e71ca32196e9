import { toError } from '../../kernel/index.ts';
import type { Log, Unsubscribe } from '../../kernel/index.ts';
import { FRAME_SAMPLES, encodeG711, frameToLinear, silenceByte } from '../audio/g711.ts';
import { MediaError } from '../media-error.ts';
import type { Pacer } from '../playout/pacer.ts';
import type { FrameSink, FrameSource, G711Codec, Mixer, Playback, PlaybackEnd } from '../ports.ts';
import { MixLeg } from './mix-leg.ts';
import { MixMinus } from './mix-minus.ts';

/** Most participants of one mix. */
const MAX_LEGS = 250;

const SILENCE: Readonly<Record<G711Codec, Uint8Array>> = {
  PCMU: new Uint8Array(FRAME_SAMPLES).fill(silenceByte('PCMU')),
  PCMA: new Uint8Array(FRAME_SAMPLES).fill(silenceByte('PCMA')),
};

interface Overlay {
  readonly source: FrameSource;
  readonly finish: (end: PlaybackEnd) => void;
}

/**
 * Mixes what the participants say, every 20 ms by the process's pacer, and gives each everything but its own voice. Who
 * says nothing gets one frame that is encoded once for all of them. Runs while it has participants.
 */
export class PacedMixer implements Mixer {
  readonly id: string;
  readonly #pacer: Pacer;
  readonly #log: Log;
  readonly #legs = new Set<MixLeg>();
  readonly #overlays = new Set<Overlay>();
  readonly #sinks = new Set<FrameSink>();
  readonly #mix = new MixMinus();
  readonly #out = new Int16Array(FRAME_SAMPLES);
  #stopTask: (() => void) | undefined;
  #timestamp = 0;
  #closed = false;

  constructor(parts: { readonly id: string; readonly pacer: Pacer; readonly log: Log }) {
    this.id = parts.id;
    this.#pacer = parts.pacer;
    this.#log = parts.log.child({ mixer: parts.id });
  }

  get size(): number {
    return this.#legs.size;
  }

  /** A place for one more. @throws MediaError `closed`, `too-many` */
  join(id: string): MixLeg {
    if (this.#closed) throw new MediaError('closed', `mixer ${this.id} is closed`);
    if (this.#legs.size >= MAX_LEGS) {
      throw new MediaError('too-many', `mixer ${this.id} has ${MAX_LEGS} participants already`);
    }
    const leg = new MixLeg({
      id,
      pacer: this.#pacer,
      log: this.#log,
      leave: (left) => {
        this.#legs.delete(left);
        this.#settle();
      },
    });
    this.#legs.add(leg);
    this.#settle();
    return leg;
  }

  play(source: FrameSource): Playback {
    const done = Promise.withResolvers<PlaybackEnd>();
    const overlay: Overlay = {
      source,
      finish: (end) => {
        if (!this.#overlays.delete(overlay)) return;
        source.close?.();
        done.resolve(end);
        this.#settle();
      },
    };
    this.#overlays.add(overlay);
    if (this.#closed) overlay.finish('stopped');
    this.#settle();
    return {
      done: done.promise,
      stop: () => {
        overlay.finish('stopped');
      },
    };
  }

  addSink(sink: FrameSink): Unsubscribe {
    this.#sinks.add(sink);
    this.#settle();
    return () => {
      this.#sinks.delete(sink);
      this.#settle();
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const overlay of [...this.#overlays]) overlay.finish('stopped');
    this.#sinks.clear();
    await Promise.all([...this.#legs].map((leg) => leg.close()));
    this.#settle();
  }

  /** One tick. Called by the pacer; by nobody else but benchmarks. */
  tick(now: number): void {
    const legs = [...this.#legs];
    const mix = this.#mix;
    mix.clear();
    const spoken = new Map<MixLeg, Int16Array>();
    const aside = new Map<string, Int16Array[]>();
    for (const leg of legs) {
      const frame = leg.pull();
      if (frame === undefined) continue;
      const { audience } = leg.settings;
      if (audience === undefined) {
        spoken.set(leg, frame);
        mix.add(frame);
      } else aside.set(audience, [...(aside.get(audience) ?? []), frame]);
    }
    for (const overlay of [...this.#overlays]) this.#overlay(overlay);
    const shared: Partial<Record<G711Codec, Uint8Array>> = mix.speakers === 0 ? { ...SILENCE } : {};
    for (const leg of legs) {
      const { codec } = leg;
      if (leg.settings.held) {
        leg.deliver(codec, SILENCE[codec], now);
        continue;
      }
      const own = spoken.get(leg);
      const alone = aside.get(leg.id);
      const isShared = own === undefined && alone === undefined;
      const payload = (isShared ? shared[codec] : undefined) ?? encodeG711(codec, mix.hear(this.#out, own, alone));
      if (isShared) shared[codec] = payload;
      leg.deliver(codec, payload, now);
    }
    this.#show();
  }

  #overlay(overlay: Overlay): void {
    try {
      const frame = overlay.source.next();
      if (frame === undefined) overlay.finish('finished');
      else this.#mix.add(frameToLinear(frame));
    } catch (error) {
      this.#log.error({ err: toError(error) }, 'the source of an announcement failed; it ends');
      overlay.finish('failed');
    }
  }

  /** Sinks see the whole mix, as `sent`. */
  #show(): void {
    if (this.#sinks.size === 0) return;
    const samples = this.#mix.hear(new Int16Array(FRAME_SAMPLES));
    for (const sink of [...this.#sinks]) {
      try {
        sink.write('sent', { format: 'linear16', samples }, this.#timestamp);
      } catch (error) {
        this.#log.error({ err: toError(error) }, 'a sink of a mix failed; it is taken off');
        this.#sinks.delete(sink);
      }
    }
    this.#timestamp = (this.#timestamp + FRAME_SAMPLES) >>> 0;
  }

  /** Ticks only while there is somebody to hear it. */
  #settle(): void {
    const needed = !this.#closed && this.#legs.size + this.#overlays.size + this.#sinks.size > 0;
    if (needed) {
      this.#stopTask ??= this.#pacer.add((now) => {
        this.tick(now);
      });
    } else {
      this.#stopTask?.();
      this.#stopTask = undefined;
    }
  }
}
