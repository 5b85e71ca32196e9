import type { types } from 'mediasoup';
import type { RouterParts } from './spare-routers.mediasoup.ts';
import type { StrayAlert } from './stray-alert.ts';

/** A router that one room has at a worker. */
export interface RoomRouter extends RouterParts {
  readonly server: types.WebRtcServer;
  /** The worker's. */
  readonly strays: StrayAlert;
  /** Closes the router and gives the room's place at the worker back. Idempotent. */
  readonly release: () => void;
}

/**
 * A room's router, made when the first browser comes: phones and announcements need none. It dies with its worker; whoever
 * listens by `died` has to give it up.
 */
export class LazyRouter {
  readonly #open: () => Promise<RoomRouter>;
  readonly #died: () => void;
  #opening: Promise<RoomRouter> | undefined;
  #opened: RoomRouter | undefined;
  #isReleased = false;

  constructor(open: () => Promise<RoomRouter>, died: () => void) {
    this.#open = open;
    this.#died = died;
  }

  /** The router, when there is one already. */
  get opened(): RoomRouter | undefined {
    return this.#opened;
  }

  /** Rejects as the making does; the next call tries again. */
  get(): Promise<RoomRouter> {
    this.#opening ??= this.#make();
    return this.#opening;
  }

  release(): void {
    this.#isReleased = true;
    this.#opened?.release();
  }

  async #make(): Promise<RoomRouter> {
    try {
      const opened = await this.#open();
      this.#opened = opened;
      opened.router.on('workerclose', this.#died);
      if (this.#isReleased) opened.release();
      return opened;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }
}
