import type { types } from 'mediasoup';
import type { Clock, Timer } from '../../kernel/index.ts';

/** What a room is built on. */
export interface RouterParts {
  readonly router: types.Router;
  readonly direct: types.DirectTransport;
}

/** A call that has just taken the spare is set up first. */
const REFILL_MS = 25;

/**
 * One router per worker made ahead: making it takes two round trips to the worker, 3 to 5 ms that a ringing call need not
 * wait. A spare that died with its worker, or could not be made, costs only the time it would have saved.
 */
export class SpareRouters {
  readonly #clock: Clock;
  readonly #mediaCodecs: types.RouterRtpCodecCapability[];
  readonly #spares = new Map<types.Worker, RouterParts>();
  readonly #refills = new Map<types.Worker, Timer>();
  #closed = false;

  constructor(clock: Clock, mediaCodecs: types.RouterRtpCodecCapability[]) {
    this.#clock = clock;
    this.#mediaCodecs = mediaCodecs;
  }

  /** Live spares. */
  get size(): number {
    let size = 0;
    for (const { router } of this.#spares.values()) if (!router.closed) size++;
    return size;
  }

  /** The spare of this worker, or a new router; another spare is made a moment later. Rejects as mediasoup does. */
  async take(worker: types.Worker): Promise<RouterParts> {
    const spare = this.#spares.get(worker);
    this.#spares.delete(worker);
    for (const dead of [...this.#spares.keys()].filter(({ closed }) => closed)) this.#spares.delete(dead);
    this.#refillSoon(worker);
    return spare === undefined || spare.router.closed ? await this.#make(worker) : spare;
  }

  /** Makes no more; the spares end with their workers. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#refills.values()) timer.cancel();
    this.#refills.clear();
    this.#spares.clear();
  }

  async #make(worker: types.Worker): Promise<RouterParts> {
    const router = await worker.createRouter({ mediaCodecs: this.#mediaCodecs });
    return { router, direct: await router.createDirectTransport() };
  }

  #refillSoon(worker: types.Worker): void {
    if (this.#closed || this.#refills.has(worker)) return;
    const timer = this.#clock.setTimer(REFILL_MS, () => {
      this.#refills.delete(worker);
      if (worker.closed || this.#spares.has(worker)) return;
      this.#make(worker).then(
        (parts) => {
          if (this.#closed || this.#spares.has(worker)) parts.router.close();
          else this.#spares.set(worker, parts);
        },
        () => undefined,
      );
    });
    this.#refills.set(worker, timer);
  }
}
