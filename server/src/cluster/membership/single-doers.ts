import { delay, describeError, toError } from '../../kernel/index.ts';
import type { Clock, Log, Timer } from '../../kernel/index.ts';
import type { ClusterView } from './cluster-view.ts';
import { shardKey } from './keys.ts';
import { LeaseError } from './lease-error.ts';
import type { LeaseStore, ShardLease, ShardedTask, SingleDoer } from './ports.ts';
import { planShards } from './shard-plan.ts';
import { retryMs } from './timing.ts';
import type { LeaseTiming } from './timing.ts';

export interface SingleDoersOptions {
  readonly store: LeaseStore;
  readonly view: ClusterView;
  readonly node: string;
  /** Fence of this node's lease while it is good; undefined otherwise. */
  readonly lease: () => number | undefined;
  /** What this node offers changed: write it into its record. */
  readonly onOffers: (tasks: readonly string[]) => void;
  readonly timing: LeaseTiming;
  readonly clock: Clock;
  readonly log: Log;
}

interface Duty {
  readonly shard: number;
  readonly revision: number;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** Shards of one task on this node. */
class TaskDoer {
  readonly #options: SingleDoersOptions;
  readonly #task: ShardedTask;
  readonly #duties = new Map<number, Duty>();
  #stopping = false;
  #working: Promise<void> | undefined;
  #again = false;
  #retry: Timer | undefined;

  constructor(options: SingleDoersOptions, task: ShardedTask) {
    this.#options = options;
    this.#task = task;
  }

  /** Looks at what should be done here. Coalesced: at most one look at a time and one after it. */
  look(): void {
    if (this.#options.lease() === undefined) this.#abortAll();
    else this.#abortTaken();
    if (this.#working !== undefined) {
      this.#again = true;
      return;
    }
    this.#working = this.#reconcile()
      .catch((error: unknown) => {
        const known = error instanceof LeaseError;
        if (known) this.#options.log.debug({ task: this.#task.name, reason: describeError(error) }, 'shards wait');
        else this.#options.log.error({ task: this.#task.name, err: toError(error) }, 'shards could not be looked at');
        if (!(known && error.reason === 'conflict')) this.#later();
      })
      .finally(() => {
        this.#working = undefined;
        if (!this.#again) return;
        this.#again = false;
        this.look();
      });
  }

  /** Ends everything and gives it back. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#retry?.cancel();
    await this.#working;
    await Promise.all([...this.#duties.values()].map((duty) => this.#end(duty)));
  }

  abandon(): void {
    this.#stopping = true;
    this.#retry?.cancel();
    this.#abortAll();
  }

  #later(): void {
    if (this.#stopping || this.#retry !== undefined) return;
    this.#retry = this.#options.clock.setTimer(retryMs(this.#options.timing), () => {
      this.#retry = undefined;
      this.look();
    });
  }

  #abortAll(): void {
    for (const duty of this.#duties.values()) duty.abort.abort(new Error('the lease of this node is in doubt'));
  }

  /** The record of a shard that is being done here is another one's, or lost: it may be done elsewhere already. */
  #abortTaken(): void {
    for (const duty of this.#duties.values()) {
      const held = this.#options.store.view(shardKey(this.#task.name, duty.shard));
      const newer = held !== undefined && held.revision > duty.revision;
      if (newer || (held === undefined && !this.#options.view.isComplete)) {
        duty.abort.abort(new Error('the shard was taken'));
      }
    }
  }

  async #reconcile(): Promise<void> {
    const { view, node } = this.#options;
    if (this.#stopping || this.#options.lease() === undefined || view.member(node) === undefined) return;
    const { name, shards } = this.#task;
    const holders = Array.from({ length: shards }, (_, shard) => this.#holder(shard));
    await this.#removeStale();
    const candidates = view
      .members()
      .filter(({ tasks }) => tasks.includes(name))
      .map((member) => member.node);
    if (!candidates.includes(node)) return;
    const plan = planShards(holders, candidates, node);
    for (const shard of plan.release) {
      const duty = this.#duties.get(shard);
      if (duty !== undefined && !duty.abort.signal.aborted) void this.#end(duty);
    }
    if (!view.isComplete) {
      if (plan.take.length > 0) this.#later();
      return;
    }
    for (const shard of plan.take) await this.#take(shard);
  }

  /** Live holder of a shard. */
  #holder(shard: number): string | undefined {
    if (this.#duties.has(shard)) return this.#options.node;
    const record = this.#options.store.view(shardKey(this.#task.name, shard))?.record;
    if (record?.kind !== 'shard') return undefined;
    return this.#options.view.member(record.node)?.fence === record.nodeFence ? record.node : undefined;
  }

  /** Records of ours that nothing runs for, e.g. from before a doubt: given back, to be dealt anew. */
  async #removeStale(): Promise<void> {
    const { store, node } = this.#options;
    for (let shard = 0; shard < this.#task.shards; shard++) {
      const held = store.view(shardKey(this.#task.name, shard));
      if (held?.record.kind !== 'shard' || held.record.node !== node || this.#duties.has(shard)) continue;
      await store.remove(shardKey(this.#task.name, shard), held.revision).catch(ignoreConflict);
    }
  }

  async #take(shard: number): Promise<void> {
    const { store, node } = this.#options;
    const nodeFence = this.#options.lease();
    if (nodeFence === undefined || this.#stopping || this.#duties.has(shard)) return;
    const key = shardKey(this.#task.name, shard);
    const record: ShardLease = { kind: 'shard', node, nodeFence };
    const held = store.view(key);
    let revision: number;
    try {
      revision = held === undefined ? await store.create(key, record) : await store.update(key, record, held.revision);
    } catch (error) {
      ignoreConflict(error);
      return;
    }
    const fence = (await store.epoch()) + revision;
    // In doubt or stopping by now: the record is given back by the next look.
    if (this.#options.lease() !== nodeFence) return;
    const abort = new AbortController();
    const duty: Duty = { shard, revision, abort, done: this.#run({ shard, fence, signal: abort.signal }) };
    this.#duties.set(shard, duty);
    void duty.done.then(() => {
      this.#duties.delete(shard);
      this.look();
    });
  }

  async #run(duty: { shard: number; fence: number; signal: AbortSignal }): Promise<void> {
    const { clock, log, timing } = this.#options;
    log.debug({ task: this.#task.name, shard: duty.shard, fence: duty.fence }, 'doing a shard');
    while (!duty.signal.aborted) {
      await this.#task.run(duty).catch((error: unknown) => {
        if (!duty.signal.aborted) log.error({ task: this.#task.name, err: toError(error) }, 'a shard failed');
      });
      await delay(clock, timing.renewMs, duty.signal).catch(() => undefined);
    }
  }

  async #end(duty: Duty): Promise<void> {
    duty.abort.abort(new Error('the shard is given on'));
    await duty.done;
    const key = shardKey(this.#task.name, duty.shard);
    await this.#options.store.remove(key, duty.revision).catch((error: unknown) => {
      this.#options.log.debug({ key, reason: describeError(error) }, 'a shard was not given back');
    });
  }
}

function ignoreConflict(error: unknown): void {
  if (!(error instanceof LeaseError) || error.reason !== 'conflict') throw error;
}

/**
 * Work that must have one doer, dealt to the live nodes that offer it. A shard's lease is not renewed by itself: it is
 * good for as long as its holder's node lease is, and free for others once that was taken or given back.
 */
export class SingleDoers implements SingleDoer {
  readonly #options: SingleDoersOptions;
  readonly #doers = new Map<string, TaskDoer>();
  readonly #off: () => void;

  constructor(options: SingleDoersOptions) {
    this.#options = options;
    this.#off = options.view.on('changed', () => {
      this.look();
    });
  }

  get tasks(): readonly string[] {
    return [...this.#doers.keys()];
  }

  offer(task: ShardedTask): () => Promise<void> {
    if (this.#doers.has(task.name)) throw new Error(`this node offers '${task.name}' already`);
    const doer = new TaskDoer(this.#options, task);
    this.#doers.set(task.name, doer);
    this.#options.onOffers(this.tasks);
    return async () => {
      if (this.#doers.get(task.name) !== doer) return;
      this.#doers.delete(task.name);
      this.#options.onOffers(this.tasks);
      await doer.stop();
    };
  }

  /** Something changed: the view, or the standing of this node. */
  look(): void {
    for (const doer of this.#doers.values()) doer.look();
  }

  async close(): Promise<void> {
    this.#off();
    await Promise.all([...this.#doers.values()].map((doer) => doer.stop()));
    this.#doers.clear();
  }

  abandon(): void {
    this.#off();
    for (const doer of this.#doers.values()) doer.abandon();
  }
}
