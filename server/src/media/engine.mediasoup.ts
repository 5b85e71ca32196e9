import { availableParallelism } from 'node:os';
import type { types } from 'mediasoup';
import { Emitter, systemClock, systemRandom, toError } from '../kernel/index.ts';
import type { Clock, Log, Random, Unsubscribe } from '../kernel/index.ts';
import { MediaError } from './media-error.ts';
import { PacedMixer } from './mixer/mixer.ts';
import { Pacer } from './playout/pacer.ts';
import type { MediaCounts, MediaEngine, MediaEngineEvents, MediasoupJson, Mixer, Room, WorkerFacts } from './ports.ts';
import type { HandOverOptions } from './rooms/hand-over-runner.ts';
import type { MediaContext } from './rooms/media-context.ts';
import { MediasoupRoom } from './rooms/room.mediasoup.ts';
import type { RoomRouter } from './rooms/room-router.mediasoup.ts';
import { SpareRouters } from './rooms/spare-routers.mediasoup.ts';
import type { RouterParts } from './rooms/spare-routers.mediasoup.ts';
import { WorkerPool } from './rooms/worker-pool.mediasoup.ts';
import type { RunningWorker, WebRtcListenOptions } from './rooms/worker-pool.mediasoup.ts';
import { ALIASES, clientCapabilities } from './rtp/plain-transport-owner.mediasoup.ts';
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
  /** After how long of media that holds no sound a leg is reported `quiet`, milliseconds (default 30000). */
  readonly quietAfterMs?: number;
  /**
   * Whether the worker carries the audio of a bridged phone and browser without Node while nothing needs it, and how
   * eagerly (default: yes). See docs/adr/0003-media-path.md.
   */
  readonly handOver?: boolean | HandOverOptions;
}

/** Same for every room, so that a client loads its device once. Opus parameters: in-band FEC, mono is enough for voice. */
const MEDIA_CODECS: types.RouterRtpCodecCapability[] = [
  { kind: 'audio', mimeType: 'audio/PCMU', clockRate: 8000, preferredPayloadType: 0 },
  { kind: 'audio', mimeType: 'audio/PCMA', clockRate: 8000, preferredPayloadType: 8 },
  { kind: 'audio', mimeType: 'audio/opus', clockRate: 48_000, channels: 2, parameters: { useinbandfec: 1 } },
  ...ALIASES,
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
    quietAfterMs: options.quietAfterMs,
    handOver: handOverOf(options.handOver ?? true),
  };
  const isShared = context.handOver !== undefined;
  const ports = new RtpPortAllocator(options.rtp?.ip ?? '127.0.0.1', options.rtp?.ports, isShared);
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
    const rtpCapabilities = clientCapabilities(sample.rtpCapabilities);
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

function handOverOf(given: boolean | HandOverOptions): HandOverOptions | undefined {
  if (given === true) return {};
  return given === false ? undefined : given;
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

  get counts(): MediaCounts {
    let legs = 0;
    for (const room of this.#rooms) legs += room.legs;
    const { ports, pool } = this.#parts;
    const { router, transport, ...streams } = pool.objects;
    const spare = this.#spares.size;
    const objects = { router: router - spare, transport: transport - spare, ...streams };
    return { rooms: this.#rooms.size, legs, rtpPorts: ports.bound, objects };
  }

  createRoom(options: { readonly id: string }): Promise<Room> {
    if (this.#closing !== undefined) return Promise.reject(new MediaError('closed', 'the media engine is closed'));
    const { id } = options;
    const { context, ports, announcedAddress, rtpCapabilities } = this.#parts;
    const openRouter = (): Promise<RoomRouter> => this.#openRouter(id);
    const room = new MediasoupRoom({ id, context, openRouter, ports, announcedAddress, rtpCapabilities });
    this.#rooms.add(room);
    room.onEnded(() => {
      this.#rooms.delete(room);
    });
    return Promise.resolve(room);
  }

  createMixer({ id }: { readonly id: string }): Mixer {
    const { pacer, log } = this.#parts.context;
    return new PacedMixer({ id, pacer, log });
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

  async #openRouter(id: string): Promise<RoomRouter> {
    const { context, pool } = this.#parts;
    // A worker may die between being picked and being used: the next one gets the room.
    for (let attempt = 0; attempt < 3; attempt++) {
      const running = await pool.pick();
      running.rooms++;
      try {
        return roomRouter(running, await this.#spares.take(running.worker));
      } catch (error) {
        running.rooms--;
        context.log.warn({ err: toError(error), room: id }, 'a worker could not make a router');
      }
    }
    throw new MediaError('no-worker', `no worker could make what room ${id} needs for a browser; see the log`);
  }
}

function roomRouter(running: RunningWorker, { router, direct }: RouterParts): RoomRouter {
  let isReleased = false;
  return {
    router,
    direct,
    server: running.server,
    strays: running.strays,
    release: () => {
      if (isReleased) return;
      isReleased = true;
      router.close();
      running.rooms--;
    },
  };
}
