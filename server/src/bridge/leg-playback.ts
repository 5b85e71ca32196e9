import type { LegEvent, PlayMedia } from '../calls/ports.ts';
import { describeError } from '../kernel/index.ts';
import type { Leg, Playback, PlaybackEnd } from '../media/ports.ts';
import { frameSource } from './frame-sources.ts';

interface Current {
  /** Undefined for the bridge's own ringback, which nobody is told about. */
  readonly playId: string | undefined;
  readonly isRingback: boolean;
  readonly playback: Playback;
}

/** What one leg's party hears in place of its peer: at most one playback, the newest. */
export class LegPlayback {
  readonly #callSid: string;
  readonly #post: (event: LegEvent) => void;
  #current: Current | undefined;

  constructor(callSid: string, post: (event: LegEvent) => void) {
    this.#callSid = callSid;
    this.#post = post;
  }

  get isPlaying(): boolean {
    return this.#current !== undefined;
  }

  /** Replaces what is playing. `play-ended` is posted once, whatever happens. */
  play(leg: Leg | undefined, playId: string, media: PlayMedia): void {
    if (leg === undefined) {
      this.#ended(playId, 'failed', 'the leg has no media yet');
      return;
    }
    try {
      this.#start(leg, media, playId);
    } catch (error) {
      this.#ended(playId, 'failed', describeError(error));
    }
  }

  /** Ringback for a caller who waits. Yields to anything that was asked for. */
  ringback(leg: Leg): void {
    if (!this.isPlaying) this.#start(leg, { kind: 'tone', tone: 'ringback' }, undefined);
  }

  /** Stops that playback if it still plays. */
  stop(playId: string): void {
    if (this.#current?.playId === playId) this.stopAll();
  }

  /** Stops ringback, whoever asked for it: there is something real to hear. */
  stopRingback(): void {
    if (this.#current?.isRingback === true) this.stopAll();
  }

  stopAll(): void {
    const current = this.#current;
    if (current === undefined) return;
    // Told here and not when `done` resolves, so that it comes before the event of what stopped it.
    this.#settle(current, 'stopped');
    current.playback.stop();
  }

  #start(leg: Leg, media: PlayMedia, playId: string | undefined): void {
    const source = frameSource(media, leg);
    this.stopAll();
    const isRingback = media.kind === 'tone' && media.tone === 'ringback';
    const current: Current = { playId, isRingback, playback: leg.play(source) };
    this.#current = current;
    void current.playback.done.then((end) => {
      this.#settle(current, end, current.playback.failure);
    });
  }

  #settle(current: Current, end: PlaybackEnd, message?: string): void {
    if (this.#current !== current) return;
    this.#current = undefined;
    if (current.playId !== undefined) this.#ended(current.playId, end, message);
  }

  #ended(playId: string, result: PlaybackEnd, message?: string): void {
    const event = { kind: 'play-ended', callSid: this.#callSid, playId, result } as const;
    this.#post(message === undefined ? event : { ...event, message });
  }
}
