import * as mediasoup from 'mediasoup';
import type { types } from 'mediasoup';
import { backoffDelay, delay, toError } from '../../kernel/index.ts';
import type { Clock, Log, Random } from '../../kernel/index.ts';
import { MediaError } from '../media-error.ts';
import type { MediaEngineEvents, MediaObjects, WorkerFacts } from '../ports.ts';
import { ObjectCounts } from './object-counts.mediasoup.ts';
import { StrayAlert } from './stray-alert.ts';
import { STRAY_LOG, watchStrayRtp } from './stray-rtp.mediasoup.ts';

/** Where browsers reach the workers. Each worker listens on one UDP and one TCP port. */
export interface WebRtcListenOptions {
  /** Address to bind (default 127.0.0.1). */
  readonly ip?: string;
  /** Address or host name in ICE candidates, when browsers see another one (NAT, 0.0.0.0). */
  readonly announcedAddress?: string;
  /** First port: worker n listens on UDP and TCP `port + n`. Default: free ports. */
  readonly port?: number;
}

export interface WorkerPoolOptions {
  readonly workers: number;
  /** Path of the worker's binary (default: MEDIASOUP_WORKER_BIN, else the one of the package). */
  readonly workerBin: string | undefined;
  readonly listen: WebRtcListenOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onEvent: <K extends keyof MediaEngineEvents>(event: K, payload: MediaEngineEvents[K]) => void;
}

/** A worker that runs. */
export interface RunningWorker {
  readonly worker: types.Worker;
  readonly server: types.WebRtcServer;
  readonly udpPort: number;
  readonly tcpPort: number;
  /** Raised for RTP of a source that it does not know. */
  readonly strays: StrayAlert;
  /** Routers of rooms. */
  rooms: number;
}

/** How long a new room waits when every worker has just died. */
const WAIT_FOR_WORKER_MS = 5000;

/**
 * The worker processes. A slot's worker is replaced at once when it dies; when it cannot be started, again and again with back-off,
 * so that a broken binary neither stops the process nor spins.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #running = new Map<number, RunningWorker>();
  readonly #abort = new AbortController();
  readonly #objects = new ObjectCounts();
  #waiting = new Set<() => void>();
  #replacements = new Set<Promise<void>>();

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  get facts(): WorkerFacts[] {
    return [...this.#running.values()].map(({ worker, rooms, udpPort, tcpPort }) => ({
      pid: worker.pid,
      rooms,
      udpPort,
      tcpPort,
    }));
  }

  get objects(): MediaObjects {
    return this.#objects.counts;
  }

  /** @throws MediaError `no-worker` when any of the workers cannot be started; none is left running */
  async start(): Promise<void> {
    const slots = Array.from({ length: this.#options.workers }, (_, slot) => slot);
    const results = await Promise.allSettled(slots.map((slot) => this.#launch(slot)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed === undefined) return;
    await this.close();
    throw new MediaError(
      'no-worker',
      `no mediasoup worker could be started (${toError(failed.reason).message}); run npm run setup, or set MEDIASOUP_WORKER_BIN`,
      { cause: failed.reason },
    );
  }

  /** The worker with the fewest rooms. @throws MediaError `no-worker`, `closed` */
  async pick(): Promise<RunningWorker> {
    if (this.#running.size === 0 && !this.#abort.signal.aborted) await this.#oneWorker();
    if (this.#abort.signal.aborted) throw new MediaError('closed', 'the media engine is closed');
    let best: RunningWorker | undefined;
    for (const running of this.#running.values()) if (best === undefined || running.rooms < best.rooms) best = running;
    if (best === undefined) {
      throw new MediaError(
        'no-worker',
        'no mediasoup worker is running and none came back within 5 s; see the log for why it dies',
      );
    }
    return best;
  }

  /** Stops every worker and whatever was being replaced. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#wake();
    const ends = [...this.#running.values()].map(({ worker }) => stopWorker(worker));
    this.#running.clear();
    await Promise.all([...ends, ...this.#replacements]);
  }

  async #launch(slot: number): Promise<void> {
    const { workerBin, listen, clock, log, onEvent } = this.#options;
    const worker = await deafToSignals(() =>
      mediasoup.createWorker({ ...STRAY_LOG, ...(workerBin === undefined ? {} : { workerBin }) }),
    );
    this.#objects.watch(worker);
    const strays = new StrayAlert(clock);
    watchStrayRtp(worker, (ssrc) => {
      strays.raise(ssrc);
    });
    worker.observer.once('close', () => {
      strays.close();
    });
    worker.on('died', (error) => {
      const running = this.#running.get(slot);
      // A worker that dies while it is being started makes its launch fail; that is handled there.
      if (running?.worker !== worker) return;
      const { rooms } = running;
      this.#running.delete(slot);
      log.error(
        { pid: worker.pid, rooms, err: error },
        'a media worker died; its calls end, a new one is being started',
      );
      onEvent('worker-died', { pid: worker.pid, rooms });
      this.#replace(slot);
    });
    try {
      const { ip = '127.0.0.1', announcedAddress, port } = listen;
      const info = {
        ip,
        ...(announcedAddress === undefined ? {} : { announcedAddress }),
        ...(port === undefined ? {} : { port: port + slot }),
      };
      const server = await worker.createWebRtcServer({
        listenInfos: [
          { ...info, protocol: 'udp' },
          { ...info, protocol: 'tcp' },
        ],
      });
      const dump = await server.dump();
      if (this.#abort.signal.aborted) throw new MediaError('closed', 'the media engine is closed');
      const [udpPort, tcpPort] = [dump.udpSockets[0]?.port ?? 0, dump.tcpServers[0]?.port ?? 0];
      this.#running.set(slot, { worker, server, udpPort, tcpPort, strays, rooms: 0 });
      log.info({ pid: worker.pid, udpPort, tcpPort }, 'media worker started');
      onEvent('worker-started', { pid: worker.pid });
      this.#wake();
    } catch (error) {
      await stopWorker(worker);
      throw error;
    }
  }

  #replace(slot: number): void {
    if (this.#abort.signal.aborted) return;
    const replacement = this.#launchUntilItRuns(slot).finally(() => this.#replacements.delete(replacement));
    this.#replacements.add(replacement);
  }

  async #launchUntilItRuns(slot: number): Promise<void> {
    const { clock, random, log } = this.#options;
    const { signal } = this.#abort;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#launch(slot);
        return;
      } catch (error) {
        if (error instanceof MediaError) return; // closed meanwhile
        log.error({ err: toError(error), attempt }, 'a media worker could not be started; trying again');
        const pauseMs = backoffDelay(attempt, random, { baseMs: 200, maxMs: 10_000 });
        await delay(clock, pauseMs, signal).catch(() => undefined);
      }
    }
  }

  #oneWorker(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#waiting.delete(done);
        resolve();
      };
      const timer = this.#options.clock.setTimer(WAIT_FOR_WORKER_MS, done);
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * mediasoup makes every worker close by itself when this process gets a signal. That would end the calls before anybody
 * is told why; whoever handles the signal closes the pool when the calls are over. Its listeners are added at once.
 */
function deafToSignals<T>(create: () => T): T {
  const before = SIGNALS.map((signal) => new Set(process.listeners(signal)));
  const created = create();
  for (const [index, signal] of SIGNALS.entries()) {
    for (const listener of process.listeners(signal)) {
      if (before[index]?.has(listener) !== true) process.removeListener(signal, listener);
    }
  }
  return created;
}

/** Closes a worker; resolves when its process is gone. */
function stopWorker(worker: types.Worker): Promise<void> {
  if (worker.closed && worker.subprocessClosed) return Promise.resolve();
  return new Promise((resolve) => {
    worker.once('subprocessclose', resolve);
    worker.close();
  });
}
