import { describeError, toError } from '../../kernel/index.ts';
import type { Clock, Log, Timer } from '../../kernel/index.ts';
import type { ClusterView } from './cluster-view.ts';
import { nodeKey, nodeOfKey } from './keys.ts';
import { LeaseError } from './lease-error.ts';
import type { LeaseStore, NodeLease, Sweepable } from './ports.ts';
import type { LeaseTiming } from './timing.ts';

export interface SweeperOptions {
  readonly store: LeaseStore;
  readonly view: ClusterView;
  readonly node: string;
  /** Whether this node's own lease is good. */
  readonly mayAct: () => boolean;
  readonly timing: LeaseTiming;
  readonly clock: Clock;
  readonly log: Log;
  /** One node's property was swept, or a task of it failed and is done again. */
  readonly onSwept?: (outcome: 'done' | 'failed') => void;
}

/**
 * Takes the leases of dead nodes, by compare-and-swap, and has what they owned tidied up. All nodes look, one wins; when
 * it dies in between another one begins anew. Nobody is judged before this node has been connected for a whole lease
 * time ({@link ClusterView.isSteady}).
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #tasks: Sweepable[] = [];
  /** Nodes whose property is being swept by this one. */
  readonly #busy = new Map<string, Promise<void>>();
  /** `clock.monotonic()` since which owners without a lease are known. */
  readonly #ownerless = new Map<string, number>();
  #timer: Timer | undefined;
  #started = false;
  #closed = false;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  register(task: Sweepable): void {
    this.#tasks.push(task);
  }

  /** From now on: every task is registered. */
  start(): void {
    if (this.#started || this.#closed) return;
    this.#started = true;
    this.#tick();
  }

  /** Stops looking and waits for what it is doing. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await Promise.all(this.#busy.values());
  }

  /** Stops at once. */
  abandon(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /**
   * Takes the lease of a node that is known to be dead, e.g. this one's earlier life, without waiting. What it owned is
   * swept after `start`. @returns whether it was there to be taken
   */
  async takeNow(node: string): Promise<boolean> {
    const found = await this.#options.store.get(nodeKey(node));
    if (found?.record.kind !== 'node' || found.record.dead !== undefined) return false;
    return (await this.#take(node, found.record, found.revision)) !== undefined;
  }

  #tick(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.setTimer(this.#options.timing.renewMs, () => {
      this.#tick();
    });
    if (!this.#options.mayAct() || !this.#options.store.connected) return;
    for (const [key, record] of [...this.#options.store.entries()]) {
      const node = nodeOfKey(key);
      if (node !== undefined && node !== this.#options.node && record.kind === 'node') this.#judge(node, record);
    }
    this.#judgeOwners();
  }

  #judge(node: string, record: NodeLease): void {
    const { view, timing } = this.#options;
    if (this.#busy.has(node)) return;
    const silence = view.silence(node) ?? 0;
    const { dead } = record;
    if (dead === undefined) {
      if (view.isSteady && silence >= timing.leaseMs) this.#spawn(node, () => this.#takeAndSweep(node, record));
    } else if (!dead.done) {
      const mine = dead.by === this.#options.node;
      // The sweeper itself may have just joined, unseen: only a steady view says that it is gone.
      if (mine) this.#spawn(node, () => this.#sweepHeld(node, record));
      else if (view.isSteady && view.member(dead.by) === undefined) {
        this.#spawn(node, () => this.#takeAndSweep(node, record));
      }
    } else if (silence >= timing.tombstoneMs) this.#spawn(node, () => this.#forget(node));
  }

  /** Owners without any record: their lease was lost with the store, or its remains are long gone. */
  #judgeOwners(): void {
    const { view, store, clock, timing } = this.#options;
    if (!view.isSteady) {
      this.#ownerless.clear();
      return;
    }
    const owners = new Set<string>(view.members().map(({ node }) => node));
    for (const task of this.#tasks) for (const node of task.owners?.() ?? []) owners.add(node);
    owners.delete(this.#options.node);
    for (const node of this.#ownerless.keys()) if (!owners.has(node)) this.#ownerless.delete(node);
    for (const node of owners) {
      if (store.view(nodeKey(node)) !== undefined) {
        this.#ownerless.delete(node);
        continue;
      }
      const since = this.#ownerless.get(node) ?? clock.monotonic();
      this.#ownerless.set(node, since);
      if (clock.monotonic() - since < timing.leaseMs || this.#busy.has(node)) continue;
      this.#ownerless.delete(node);
      this.#spawn(node, () => this.#takeAndSweep(node, undefined));
    }
  }

  #spawn(node: string, work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => {
        const { log } = this.#options;
        if (error instanceof LeaseError) log.debug({ node, reason: describeError(error) }, 'a sweep waits');
        else log.error({ node, err: toError(error) }, 'sweeping a dead node failed');
      })
      .finally(() => this.#busy.delete(node));
    this.#busy.set(node, running);
  }

  async #takeAndSweep(node: string, record: NodeLease | undefined): Promise<void> {
    const revision = record === undefined ? 0 : (this.#options.store.view(nodeKey(node))?.revision ?? 0);
    const taken = await this.#take(node, record, revision);
    if (taken !== undefined) await this.#sweep(node, taken.record, taken.revision);
  }

  async #sweepHeld(node: string, record: NodeLease): Promise<void> {
    await this.#sweep(node, record, this.#options.store.view(nodeKey(node))?.revision ?? 0);
  }

  async #take(
    node: string,
    record: NodeLease | undefined,
    revision: number,
  ): Promise<{ record: NodeLease; revision: number } | undefined> {
    const { store, clock, log } = this.#options;
    const known = this.#options.view.member(node);
    const base: NodeLease = record ?? {
      kind: 'node',
      node,
      fence: known?.fence ?? 0,
      roles: [],
      addresses: {},
      startedAt: 0,
      renewals: 0,
      tasks: [],
    };
    const taken: NodeLease = { ...base, dead: { by: this.#options.node, at: clock.now(), done: false } };
    try {
      const key = nodeKey(node);
      const next = record === undefined ? await store.create(key, taken) : await store.update(key, taken, revision);
      log.warn({ dead: node, fence: taken.fence }, 'a node is dead: its lease ran out and was taken');
      return { record: taken, revision: next };
    } catch (error) {
      // It was renewed at the last moment, or another node was faster.
      if (error instanceof LeaseError && error.reason === 'conflict') return undefined;
      throw error;
    }
  }

  async #sweep(node: string, record: NodeLease, revision: number): Promise<void> {
    if (!this.#started || record.dead === undefined) return;
    let failed = false;
    for (const task of this.#tasks) {
      try {
        await task.sweep(node, record.fence);
      } catch (error) {
        failed = true;
        this.#options.log.error({ dead: node, task: task.name, err: toError(error) }, 'a sweep failed, it is repeated');
      }
    }
    this.#options.onSwept?.(failed ? 'failed' : 'done');
    if (failed || this.#closed) return;
    const done: NodeLease = { ...record, dead: { ...record.dead, done: true } };
    await this.#options.store.update(nodeKey(node), done, revision);
  }

  async #forget(node: string): Promise<void> {
    const held = this.#options.store.view(nodeKey(node));
    if (held !== undefined) await this.#options.store.remove(nodeKey(node), held.revision);
  }
}
