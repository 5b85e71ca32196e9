import { MachineRunner, TimerSet, describeError } from '../../kernel/index.ts';
import type { Clock, Log } from '../../kernel/index.ts';
import { LeaseError } from './lease-error.ts';
import { ownLeaseMachine } from './own-lease.ts';
import type { OwnLease, OwnLeaseEffect, OwnLeaseInput, OwnLeaseTimer } from './own-lease.ts';
import type { LeaseStore, NodeLease } from './ports.ts';
import type { LeaseTiming } from './timing.ts';
import { nodeKey } from './keys.ts';

export interface LeaseKeeperOptions {
  readonly store: LeaseStore;
  readonly node: string;
  /** What the record says, apart from what the keeper knows itself. */
  readonly describe: () => Pick<NodeLease, 'roles' | 'addresses' | 'tasks'>;
  readonly timing: LeaseTiming;
  readonly clock: Clock;
  readonly log: Log;
  readonly onState: (state: OwnLease, previous: OwnLease) => void;
}

/** Carries out what the machine of the own lease wants: writes to the store, timers. One write counts at a time. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #runner: MachineRunner<OwnLease, OwnLeaseInput, OwnLeaseEffect>;
  readonly #timers: TimerSet<OwnLeaseTimer>;
  readonly #startedAt: number;
  #renewals = 0;
  #epoch: number | undefined;
  /** Of the latest write: answers to earlier ones are not listened to. */
  #attempt = 0;
  #removed: Promise<void> = Promise.resolve();

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#timers = new TimerSet(options.clock, (name) => {
      this.#runner.dispatch({ kind: 'timer', name });
    });
    this.#runner = new MachineRunner<OwnLease, OwnLeaseInput, OwnLeaseEffect>({
      machine: ownLeaseMachine(options.timing),
      initial: { kind: 'acquiring' },
      perform: (effect) => {
        this.#perform(effect);
      },
      onState: options.onState,
    });
  }

  get state(): OwnLease {
    return this.#runner.state;
  }

  /** Whether the lease is good at this moment, timers that are late or not. */
  get valid(): boolean {
    const { state } = this.#runner;
    return state.kind === 'held' && this.#options.clock.monotonic() < state.validUntil;
  }

  /** The first attempt to acquire it; retried until it succeeds. Resolves after the first. */
  start(): Promise<void> {
    return this.#acquire();
  }

  dispatch(input: Extract<OwnLeaseInput, { kind: 'seen-taken' | 'seen-wiped' | 'reconnected' | 'changed' }>): void {
    this.#runner.dispatch(input);
  }

  /** Gives the lease back, if it can be reached. Never rejects. */
  async release(): Promise<void> {
    this.#runner.dispatch({ kind: 'release' });
    this.#timers.close();
    await this.#removed;
  }

  /** Stops at once without giving anything back: as if the process had died. */
  abandon(): void {
    this.#attempt++;
    this.#timers.close();
  }

  #perform(effect: OwnLeaseEffect): void {
    if (this.#timers.perform(effect)) return;
    switch (effect.kind) {
      case 'acquire':
        void this.#acquire();
        break;
      case 'renew':
        void this.#write((record) => this.#options.store.update(this.#key, record, effect.revision), effect.fence);
        break;
      case 'restore':
        void this.#write(async (record) => {
          const revision = await this.#options.store.create(this.#key, record);
          this.#epoch = await this.#options.store.epoch();
          return revision;
        }, effect.fence);
        break;
      case 'inspect':
        void this.#inspect(effect.fence);
        break;
      case 'remove':
        this.#removed = this.#remove(effect.revision);
        break;
      default:
        break;
    }
  }

  get #key(): string {
    return nodeKey(this.#options.node);
  }

  #record(fence: number): NodeLease {
    const { node, describe } = this.#options;
    return {
      kind: 'node',
      node,
      fence,
      ...describe(),
      startedAt: this.#startedAt,
      renewals: fence === 0 ? 0 : this.#renewals++,
    };
  }

  async #acquire(): Promise<void> {
    const { store, clock, log } = this.#options;
    const attempt = ++this.#attempt;
    try {
      const first = await this.#claimKey();
      const epoch = await store.epoch();
      const fence = epoch + first;
      const sentAt = clock.monotonic();
      const revision = await store.update(this.#key, this.#record(fence), first);
      if (attempt !== this.#attempt) return;
      this.#epoch = epoch;
      this.#runner.dispatch({ kind: 'acquired', fence, revision, sentAt, now: clock.monotonic() });
    } catch (error) {
      log.warn({ reason: describeError(error) }, 'the lease of this node could not be acquired yet');
      if (attempt === this.#attempt) this.#runner.dispatch({ kind: 'acquire-failed' });
    }
  }

  /** Makes the key ours; an attempt whose answer was lost may have done so. */
  async #claimKey(): Promise<number> {
    const { store, node } = this.#options;
    try {
      return await store.create(this.#key, this.#record(0));
    } catch (error) {
      if (!(error instanceof LeaseError) || error.reason !== 'conflict') throw error;
      const found = await store.get(this.#key);
      const record = found?.record;
      if (record?.kind === 'node' && record.startedAt === this.#startedAt && record.dead === undefined) {
        return found?.revision ?? 0;
      }
      throw new LeaseError('conflict', `the name of this node, ${node}, is another one's: give each a name of its own`);
    }
  }

  async #write(write: (record: NodeLease) => Promise<number>, fence: number): Promise<void> {
    const { clock } = this.#options;
    const attempt = ++this.#attempt;
    const sentAt = clock.monotonic();
    try {
      const revision = await write(this.#record(fence));
      if (attempt !== this.#attempt) return;
      this.#runner.dispatch({ kind: 'renewed', revision, sentAt, now: clock.monotonic() });
    } catch (error) {
      this.#failed(attempt, error);
    }
  }

  async #inspect(fence: number): Promise<void> {
    const { store, node } = this.#options;
    const attempt = ++this.#attempt;
    try {
      const found = await store.get(this.#key);
      const wiped = found === undefined && (await store.epoch()) !== this.#epoch;
      if (attempt !== this.#attempt) return;
      const record = found?.record;
      const ours =
        record?.kind === 'node' && record.node === node && record.fence === fence && record.dead === undefined;
      if (found === undefined) this.#runner.dispatch({ kind: 'inspected', found: wiped ? 'wiped' : 'gone' });
      else if (ours) this.#runner.dispatch({ kind: 'inspected', found: 'ours', revision: found.revision });
      else this.#runner.dispatch({ kind: 'inspected', found: 'taken' });
    } catch (error) {
      this.#failed(attempt, error);
    }
  }

  #failed(attempt: number, error: unknown): void {
    if (attempt !== this.#attempt) return;
    if (error instanceof LeaseError && error.reason === 'conflict') this.#runner.dispatch({ kind: 'conflict' });
    else {
      this.#options.log.debug({ reason: describeError(error) }, 'the lease of this node was not renewed, trying again');
      this.#runner.dispatch({ kind: 'renew-failed' });
    }
  }

  async #remove(revision: number): Promise<void> {
    this.#attempt++;
    const { store, log } = this.#options;
    try {
      await store.remove(this.#key, revision);
    } catch (error) {
      // A renewal was under way: it is the newest then.
      const found = await store.get(this.#key).catch(() => undefined);
      if (found?.record.kind === 'node' && found.record.dead === undefined && found.revision !== revision) {
        await store.remove(this.#key, found.revision).catch(() => undefined);
        return;
      }
      log.debug({ reason: describeError(error) }, 'the lease of this node was not given back: it runs out');
    }
  }
}
