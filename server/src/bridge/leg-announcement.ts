import type { LegEvent, PlayMedia } from '../calls/ports.ts';
import { describeError } from '../kernel/index.ts';
import type { Leg, Playback, PlaybackEnd } from '../media/ports.ts';
import { frameSource } from './frame-sources.ts';

interface Current {
  readonly announcementSid: string;
  readonly playback: Playback;
}

/**
 * What one leg's party hears over everything else: its peer, and what its verb plays, which waits meanwhile. At most one
 * announcement, the newest. Ends with the leg.
 */
export class LegAnnouncement {
  readonly #callSid: string;
  readonly #post: (event: LegEvent) => void;
  #current: Current | undefined;

  constructor(callSid: string, post: (event: LegEvent) => void) {
    this.#callSid = callSid;
    this.#post = post;
  }

  /** Replaces the one before. `announcement-ended` is posted once, whatever happens. */
  start(leg: Leg | undefined, announcementSid: string, media: PlayMedia): void {
    if (leg === undefined) {
      this.#ended(announcementSid, 'failed', 'the leg has no media yet');
      return;
    }
    try {
      const source = frameSource(media, leg);
      this.close();
      const current: Current = { announcementSid, playback: leg.play(source, { over: true }) };
      this.#current = current;
      void current.playback.done.then((end) => {
        this.#settle(current, end, current.playback.failure);
      });
    } catch (error) {
      this.#ended(announcementSid, 'failed', describeError(error));
    }
  }

  /** Stops that announcement if it is still heard. */
  stop(announcementSid: string): void {
    if (this.#current?.announcementSid === announcementSid) this.close();
  }

  /** Stops whatever is announced. */
  close(): void {
    const current = this.#current;
    if (current === undefined) return;
    // Told here and not when `done` resolves, so that it comes before the event of what stopped it.
    this.#settle(current, 'stopped');
    current.playback.stop();
  }

  #settle(current: Current, end: PlaybackEnd, message?: string): void {
    if (this.#current !== current) return;
    this.#current = undefined;
    this.#ended(current.announcementSid, end, message);
  }

  #ended(announcementSid: string, result: PlaybackEnd, message?: string): void {
    const event = { kind: 'announcement-ended', callSid: this.#callSid, announcementSid, result } as const;
    this.#post(message === undefined ? event : { ...event, message });
  }
}
