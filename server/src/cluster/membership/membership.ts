import { Emitter } from '../../kernel/index.ts';
import type { Clock, Log, Unsubscribe } from '../../kernel/index.ts';
import { ClusterView } from './cluster-view.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { LeaseStore, Member, Membership, MembershipEvents, PublishGate, SingleDoer, Standing } from './ports.ts';
import { SingleDoers } from './single-doers.ts';
import { Sweeper } from './sweeper.ts';
import type { Sweepable } from './ports.ts';
import { LEASE_TIMING } from './timing.ts';
import type { LeaseTiming } from './timing.ts';

export interface JoinOptions {
  /** Closed by the membership. */
  readonly store: LeaseStore;
  /** Name of this process, never used before. */
  readonly node: string;
  readonly roles: readonly string[];
  readonly addresses?: Readonly<Record<string, string>>;
  /** An earlier life of this process that is known to be over: its lease is taken at once. */
  readonly predecessor?: string;
  readonly timing?: Partial<LeaseTiming>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onSwept?: (outcome: 'done' | 'failed') => void;
}

/** Longest wait in `join` for the lease to be made and seen, milliseconds. It is acquired later then. */
const JOIN_MS = 5_000;

/**
 * This process as a member of the cluster: own lease, view of the others, sweeper, single-doer work.
 * Lifetime: from `join` to `leave`.
 */
export class ClusterMembership implements Membership {
  readonly node: string;
  readonly singleDoer: SingleDoer;
  readonly #options: JoinOptions;
  readonly #keeper: LeaseKeeper;
  readonly #view: ClusterView;
  readonly #sweeper: Sweeper;
  readonly #doers: SingleDoers;
  readonly #emitter: Emitter<MembershipEvents>;
  readonly #off: Unsubscribe;
  #addresses: Readonly<Record<string, string>>;

  private constructor(options: JoinOptions) {
    this.#options = options;
    const { store, node, clock, log } = options;
    const timing: LeaseTiming = { ...LEASE_TIMING, ...options.timing };
    this.node = node;
    this.#addresses = options.addresses ?? {};
    this.#emitter = new Emitter((error, event) => {
      log.error({ err: error, event }, 'a listener of cluster membership failed');
    });
    this.#view = new ClusterView({ store, node, timing, clock, log });
    this.#keeper = new LeaseKeeper({
      store,
      node,
      timing,
      clock,
      log,
      describe: () => ({ roles: options.roles, addresses: this.#addresses, tasks: this.#doers.tasks }),
      onState: (state, previous) => {
        if (state.kind !== previous.kind) this.#onStanding(state.kind);
      },
    });
    this.#sweeper = new Sweeper({
      store,
      view: this.#view,
      node,
      mayAct: () => this.#keeper.valid,
      timing,
      clock,
      log,
      ...(options.onSwept === undefined ? {} : { onSwept: options.onSwept }),
    });
    this.#doers = new SingleDoers({
      store,
      view: this.#view,
      node,
      lease: () => (this.#keeper.valid ? this.fence : undefined),
      onOffers: () => {
        this.#keeper.dispatch({ kind: 'changed' });
      },
      timing,
      clock,
      log,
    });
    this.singleDoer = this.#doers;
    this.#listenToView();
    this.#off = store.onConnection((connected) => {
      if (connected) this.#keeper.dispatch({ kind: 'reconnected' });
    });
  }

  /** Resolves when this node is a member, as a rule; without the store after 5 s, and becomes one later. */
  static async join(options: JoinOptions): Promise<ClusterMembership> {
    await options.store.ready;
    const membership = new ClusterMembership(options);
    await membership.#keeper.start();
    await membership.#until(() => membership.#view.member(options.node) !== undefined);
    const { predecessor } = options;
    if (predecessor !== undefined && membership.standing === 'held') {
      // Whatever goes wrong here is mended when its lease runs out.
      const taken = await membership.#sweeper.takeNow(predecessor).catch(() => false);
      if (taken) await membership.#until(() => membership.#view.member(predecessor) === undefined);
    }
    return membership;
  }

  get fence(): number {
    const { state } = this.#keeper;
    return state.kind === 'acquiring' ? 0 : state.fence;
  }

  get standing(): Standing {
    return this.#keeper.state.kind;
  }

  /** What the outbox asks. What was still waiting when this node said goodbye may go. */
  get publishGate(): PublishGate {
    if (this.#keeper.valid) return 'open';
    const { standing } = this;
    if (standing === 'lost') return 'shut';
    return standing === 'released' ? 'open' : 'held';
  }

  members(): readonly Member[] {
    return this.#view.members();
  }

  isAlive(node: string): boolean {
    if (node === this.node) return this.standing !== 'lost';
    return this.#view.member(node) !== undefined;
  }

  isFenced(node: string, fence: number): boolean {
    const record = this.#options.store.view(`node/${node}`)?.record;
    return record?.kind === 'node' && (record.dead === undefined ? fence < record.fence : fence <= record.fence);
  }

  on<K extends keyof MembershipEvents>(event: K, listener: (payload: MembershipEvents[K]) => void): Unsubscribe {
    return this.#emitter.on(event, listener);
  }

  /** Before {@link startSweeping}. */
  registerSweep(task: Sweepable): void {
    this.#sweeper.register(task);
  }

  /** Every sweep task is registered. Each process registers them all: whoever finds a dead node sweeps all it owned. */
  startSweeping(): void {
    this.#sweeper.start();
  }

  /** Before the parts that the sweep tasks need are closed. Idempotent. */
  stopSweeping(): Promise<void> {
    return this.#sweeper.close();
  }

  /** Addresses that are known only after the start, added to the lease. */
  announce(addresses: Readonly<Record<string, string>>): void {
    this.#addresses = { ...this.#addresses, ...addresses };
    this.#keeper.dispatch({ kind: 'changed' });
  }

  /** Ends single-doer work, gives everything back, says goodbye. Never rejects. */
  async leave(): Promise<void> {
    await this.#sweeper.close();
    await this.#doers.close();
    await this.#keeper.release();
    this.#close();
  }

  /** Lets everything go without a word, as a process that is killed: for tests. */
  abandon(): void {
    this.#sweeper.abandon();
    this.#doers.abandon();
    this.#keeper.abandon();
    this.#close();
  }

  #close(): void {
    this.#off();
    this.#view.close();
    this.#emitter.clear();
    this.#options.store.close();
  }

  #listenToView(): void {
    this.#view.on('joined', (member) => {
      this.#emitter.emit('joined', member);
    });
    this.#view.on('left', (left) => {
      this.#emitter.emit('left', left);
    });
    this.#view.on('own', ({ record }) => {
      if (record === undefined) this.#keeper.dispatch({ kind: 'seen-wiped' });
      else if (record.dead !== undefined) this.#keeper.dispatch({ kind: 'seen-taken' });
    });
  }

  #onStanding(standing: Standing): void {
    const { log } = this.#options;
    if (standing === 'doubtful') log.warn({ fence: this.fence }, 'the lease of this node could not be renewed in time');
    else if (standing === 'lost') {
      log.error({ fence: this.fence }, 'the lease of this node was taken: it was away for too long, and must stop');
    } else log.debug({ fence: this.fence, standing }, 'lease of this node');
    this.#doers.look();
    this.#emitter.emit('standing', standing);
  }

  #until(isSeen: () => boolean): Promise<void> {
    if (isSeen()) return Promise.resolve();
    const seen = Promise.withResolvers<void>();
    const timer = this.#options.clock.setTimer(JOIN_MS, seen.resolve);
    const off = this.#view.on('changed', () => {
      if (isSeen()) seen.resolve();
    });
    return seen.promise.finally(() => {
      timer.cancel();
      off();
    });
  }
}
