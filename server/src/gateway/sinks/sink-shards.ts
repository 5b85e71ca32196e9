import { describeError } from '../../kernel/index.ts';
import type { ShardDuty, ShardedTask, Webhook } from './ports.ts';
import { SinkRunner } from './sink-runner.ts';
import type { SinkContext } from './sink-runner.ts';

/** By the last digit of the sid, which is random. */
const SHARDS = 16;
const shardOf = (sid: string): number => Number.parseInt(sid.slice(-1), SHARDS);

/** Every sink has one doer in the cluster: this is the work, cut into shards. */
export function sinkTask(context: SinkContext): ShardedTask {
  return { name: 'webhook-sinks', shards: SHARDS, run: (duty) => new ShardRunner(context, duty).run() };
}

interface Running {
  /** Of the record that it runs by. */
  readonly updatedAt: number;
  redriveAt: number | undefined;
  readonly runner: SinkRunner;
}

class ShardRunner {
  readonly #context: SinkContext;
  readonly #duty: ShardDuty;
  readonly #running = new Map<string, Running>();
  /** A sink's next runner begins when the last one has ended. */
  readonly #steps = new Map<string, Promise<void>>();

  constructor(context: SinkContext, duty: ShardDuty) {
    this.#context = context;
    this.#duty = duty;
  }

  async run(): Promise<void> {
    const { store } = this.#context;
    const { shard, signal } = this.#duty;
    const ended = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else
        signal.addEventListener(
          'abort',
          () => {
            resolve();
          },
          { once: true },
        );
    });
    await Promise.race([store.ready, ended]);
    const stop = store.onChange((sid) => {
      if (shardOf(sid) === shard) this.#look(sid);
    });
    for (const { sid } of store.entries()) if (shardOf(sid) === shard) this.#look(sid);
    await ended;
    stop();
    for (const sid of new Set([...this.#running.keys(), ...this.#steps.keys()])) this.#look(sid);
    while (this.#steps.size > 0) await Promise.all(this.#steps.values());
  }

  /** Brings what runs into line with what is stored. */
  #look(sid: string): void {
    const before = this.#steps.get(sid) ?? Promise.resolve();
    const step = before
      .then(() => this.#align(sid))
      .catch((error: unknown) => {
        this.#context.log.error(
          { err: error, webhook: sid },
          `a webhook could not be changed: ${describeError(error)}`,
        );
      })
      .finally(() => {
        if (this.#steps.get(sid) === step) this.#steps.delete(sid);
      });
    this.#steps.set(sid, step);
  }

  async #align(sid: string): Promise<void> {
    const wanted = this.#wanted(sid);
    const now = this.#running.get(sid);
    if (now !== undefined && now.updatedAt !== wanted?.updatedAt) {
      this.#running.delete(sid);
      await now.runner.stop();
    }
    const current = this.#running.get(sid) ?? this.#start(this.#wanted(sid));
    if (current === undefined || wanted === undefined || current.redriveAt === wanted.redriveAt) return;
    current.redriveAt = wanted.redriveAt;
    current.runner.redrive();
  }

  #wanted(sid: string): Webhook | undefined {
    const webhook = this.#duty.signal.aborted ? undefined : this.#context.store.get(sid);
    return webhook?.pause === undefined ? webhook : undefined;
  }

  #start(webhook: Webhook | undefined): Running | undefined {
    if (webhook === undefined) return undefined;
    const { sid, updatedAt, redriveAt } = webhook;
    const running = { updatedAt, redriveAt, runner: new SinkRunner(webhook, this.#duty.fence, this.#context) };
    this.#running.set(sid, running);
    return running;
  }
}
