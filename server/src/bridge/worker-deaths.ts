import type { EventSink } from '../calls/ports.ts';
import type { Clock, Log, Timer } from '../kernel/index.ts';
import type { MediaEngine } from '../media/ports.ts';
import type { LostCall } from './host-context.ts';

interface WorkerDeathsOptions {
  readonly node: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventSink;
}

/**
 * Tells of media workers that died: one `node.media-worker-died` event for each account that lost calls, with those
 * calls and no other account's. Close it with the host.
 */
export class WorkerDeaths {
  readonly #options: WorkerDeathsOptions;
  readonly #unsubscribe: () => void;
  #pid: number | undefined;
  #lost: LostCall[] = [];
  #timer: Timer | undefined;

  constructor(media: Pick<MediaEngine, 'on'>, options: WorkerDeathsOptions) {
    this.#options = options;
    this.#unsubscribe = media.on('worker-died', ({ pid, rooms }) => {
      options.log.error({ pid, rooms }, 'a media worker died; its calls end and a new worker is started');
      this.#pid = pid;
      this.#schedule();
    });
  }

  callLost(call: LostCall): void {
    this.#lost.push(call);
    this.#schedule();
  }

  close(): void {
    this.#unsubscribe();
    this.#timer?.cancel();
  }

  /** The engine's report and the ends of the rooms come in one turn of the loop, in no order to rely on. */
  #schedule(): void {
    this.#timer ??= this.#options.clock.setTimer(0, () => {
      this.#timer = undefined;
      this.#publish();
    });
  }

  #publish(): void {
    const { node, events } = this.#options;
    const byAccount = Map.groupBy(this.#lost, (call) => call.accountSid);
    this.#lost = [];
    for (const [accountSid, calls] of byAccount) {
      const endedCalls = calls.flatMap((call) => call.callSids);
      const data = { node, pid: this.#pid ?? 0, endedCalls };
      events.emit({ accountSid, type: 'node.media-worker-died', subject: node, data });
    }
  }
}
