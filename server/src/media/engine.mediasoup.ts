import { availableParallelism } from 'node:os';
import type { types } from 'mediasoup';
import { Emitter, systemClock, systemRandom, toError } from '../kernel/index.ts';
import type { Clock, Log, Random, Unsubscribe } from '../kernel/index.ts';
import { MediaError } from './media-error.ts';
import { Pacer } from './playout/pacer.ts';
import type { MediaEngine, MediaEngineEvents, MediasoupJson, Room, WorkerFacts } from './ports.ts';
import type { MediaContext } from './rooms/media-context.ts';
import { MediasoupRoom } from './rooms/room.mediasoup.ts';
import { SpareRouters } from './rooms/spare-routers.mediasoup.ts';
import { WorkerPool } from './rooms/worker-pool.mediasoup.ts';
import type { RunningWorker, WebRtcListenOptions } from './rooms/worker-pool.mediasoup.ts';
import { RtpPortAllocator } from './rtp/rtp-socket.ts';
import type { PortRange } from './rtp/rtp-socket.ts';

export interface MediaEngineOptions {
  readonly log: Log;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: the operating system's. */
  readonly random?: Random;
  /** Worker processes (default: one per core). */
  readonly workers?: number;
  /** Path of the mediasoup worker (default: MEDIASOUP_WORKER_BIN, else the package's own). */
  readonly workerBin?: string;
  /** Where browsers reach us. */
  readonly webRtc?: WebRtcListenOptions;
  /** Where phones reach us. */
  readonly rtp?: {
    /** Address to bind (default 127.0.0.1). */
    readonly ip?: string;
    /** Address in our SDP when phones see another one (NAT, 0.0.0.0). Default: `ip`. */
    readonly announcedAddress?: string;
    /** Default: free ports. */
    readonly ports?: PortRange;
  };
  /** After how long without media a leg is reported `silent`, milliseconds (default 5000). */
  readonly silentAfterMs?: number;
}

/** Same for every room, so that a client loads its device once. Opus parameters: in-band FEC, mono is enough for voice. */
const MEDIA_CODECS: types.RouterRtpCodecCapability[] = [
  { kind: 'audio', mimeType: 'audio/PCMU', clockRate: 8000, preferredPayloadType: 0 },
  { kind: 'audio', mimeType: 'audio/PCMA', clockRate: 8000, preferredPayloadType: 8 },
  { kind: 'audio', mimeType: 'audio/opus', clockRate: 48_000, channels: 2, parameters: { useinbandfec: 1 } },
];

/**
 * Starts the workers. The caller closes the engine.
 *
 * @throws MediaError `no-worker` when a worker cannot be started, `bad-parameters` for a port range without a pair
 */
export async function createMediaEngine(options: MediaEngineOptions): Promise<MediaEngine> {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const log = options.log.child({ part: 'media' });
  const events = new Emitter<MediaEngineEvents>((error, event) => {
    log.error({ err: toError(error), event }, 'a listener of the media engine failed');
  });
  const context: MediaContext = {
    clock,
    random,
    log,
    pacer: new Pacer(clock, (error) => {
      log.error({ err: toError(error) }, 'a paced task failed');
    }),
    silentAfterMs: options.silentAfterMs ?? 5000,
  };
  const ports = new RtpPortAllocator(options.rtp?.ip ?? '127.0.0.1', options.rtp?.ports);
  const pool = new WorkerPool({
    workers: options.workers ?? availableParallelism(),
    workerBin: options.workerBin,
    listen: options.webRtc ?? {},
    clock,
    random,
    log,
    onEvent: (event, payload) => {
      events.emit(event, payload);
    },
  });
  await pool.start();
  try {
    const { worker } = await pool.pick();
    const sample = await worker.createRouter({ mediaCodecs: MEDIA_CODECS });
    const { rtpCapabilities } = sample;
    sample.close();
    return new MediasoupEngine({
      context,
      ports,
      pool,
      events,
      rtpCapabilities,
      announcedAddress: options.rtp?.announcedAddress,
    });
  } catch (error) {
    await pool.close();
    throw error;
  }
}

interface EngineParts {
  readonly context: MediaContext;
  readonly ports: RtpPortAllocator;
  readonly pool: WorkerPool;
  readonly events: Emitter<MediaEngineEvents>;
  readonly rtpCapabilities: MediasoupJson;
  readonly announcedAddress: string | undefined;
}

class MediasoupEngine implements MediaEngine {
  readonly #parts: EngineParts;
  readonly #rooms = new Set<MediasoupRoom>();
  readonly #spares: SpareRouters;
  #closing: Promise<void> | undefined;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#spares = new SpareRouters(parts.context.clock, MEDIA_CODECS);
  }

  get rtpCapabilities(): MediasoupJson {
    return this.#parts.rtpCapabilities;
  }

  get workers(): readonly WorkerFacts[] {
    return this.#parts.pool.facts;
  }

  async createRoom(options: { readonly id: string }): Promise<Room> {
    // A worker may die between being picked and being used: the next one gets the room.
    for (let attempt = 0; attempt < 3; attempt++) {
      if (this.#closing !== undefined) break;
      const running = await this.#parts.pool.pick();
      running.rooms++;
      const room = await this.#open(options.id, running).catch((error: unknown) => {
        this.#parts.context.log.warn({ err: toError(error), room: options.id }, 'a room could not be made on a worker');
        return undefined;
      });
      if (room !== undefined) return room;
      running.rooms--;
    }
    if (this.#closing !== undefined) throw new MediaError('closed', 'the media engine is closed');
    throw new MediaError('no-worker', `room ${options.id} could not be made on any worker; see the log`);
  }

  on<K extends keyof MediaEngineEvents>(event: K, listener: (payload: MediaEngineEvents[K]) => void): Unsubscribe {
    return this.#parts.events.on(event, listener);
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#spares.close();
      await Promise.all([...this.#rooms].map((room) => room.end('engine-closed')));
      await this.#parts.pool.close();
      this.#parts.events.clear();
    })();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(id: string, running: RunningWorker): Promise<Room> {
    const { context, ports, announcedAddress } = this.#parts;
    const { router, direct } = await this.#spares.take(running.worker);
    const room = new MediasoupRoom({ id, context, router, direct, server: running.server, ports, announcedAddress });
    this.#rooms.add(room);
    room.onEnded(() => {
      this.#rooms.delete(room);
      running.rooms--;
    });
    if (this.#closing !== undefined) await room.end('engine-closed');
    return room;
  }
}
