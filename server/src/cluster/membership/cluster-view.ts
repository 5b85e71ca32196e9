import { Emitter } from '../../kernel/index.ts';
import type { Clock, Log, Unsubscribe } from '../../kernel/index.ts';
import { nodeOfKey } from './keys.ts';
import type { LeaseChange, LeaseStore, Member, MembershipEvents, NodeLease } from './ports.ts';
import { Uptime } from './uptime.ts';
import type { LeaseTiming } from './timing.ts';

type ViewEvents = Pick<MembershipEvents, 'joined' | 'left'> & {
  /** The own record as the view shows it; undefined: it is not there. */
  own: { readonly record: NodeLease } | { readonly record: undefined; readonly why: 'deleted' | 'lost' };
  /** Anything changed. */
  changed: undefined;
};

/** The cluster in this process's memory: who is alive, and when each was last heard, by this process's own clock. */
export class ClusterView {
  readonly #node: string;
  readonly #clock: Clock;
  readonly #members = new Map<string, Member>();
  /** `clock.monotonic()` at which the newest revision of a node's record was seen. */
  readonly #lastSeen = new Map<string, number>();
  readonly #emitter: Emitter<ViewEvents>;
  readonly #uptime: Uptime;
  readonly #off: Unsubscribe[];
  #wiped = false;

  constructor(parts: { store: LeaseStore; node: string; timing: LeaseTiming; clock: Clock; log: Log }) {
    const { store, log } = parts;
    this.#node = parts.node;
    this.#clock = parts.clock;
    this.#uptime = new Uptime(parts.timing);
    this.#emitter = new Emitter((error, event) => {
      log.error({ err: error, event }, 'a listener of cluster membership failed');
    });
    for (const [key, record] of store.entries()) this.#apply({ kind: 'set', key, record, revision: 0 });
    this.#off = [
      store.onChange((change) => {
        this.#apply(change);
      }),
      store.onConnection((connected) => {
        if (!connected) this.#uptime.interrupted();
      }),
    ];
  }

  members(): readonly Member[] {
    return [...this.#members.values()];
  }

  member(node: string): Member | undefined {
    return this.#members.get(node);
  }

  /** Milliseconds since a sign of life; undefined: never heard of. */
  silence(node: string): number | undefined {
    const seen = this.#lastSeen.get(node);
    return seen === undefined ? undefined : this.#clock.monotonic() - seen;
  }

  /** Whether others may be judged by their silence. */
  get isSteady(): boolean {
    return this.#uptime.isSteady(this.#clock.monotonic());
  }

  /**
   * Whether what nobody holds in the view is really held by nobody: not while the others still write back what the store
   * has lost.
   */
  get isComplete(): boolean {
    if (this.#wiped && this.isSteady) this.#wiped = false;
    return !this.#wiped;
  }

  on<K extends keyof ViewEvents>(event: K, listener: (payload: ViewEvents[K]) => void): Unsubscribe {
    return this.#emitter.on(event, listener);
  }

  close(): void {
    for (const off of this.#off) off();
    this.#emitter.clear();
  }

  #apply(change: LeaseChange): void {
    const node = nodeOfKey(change.key);
    if (change.kind === 'removed' && change.why === 'lost') this.#onWiped();
    if (node !== undefined) {
      if (change.kind === 'removed') this.#onRemoved(node, change.why);
      else if (change.record.kind === 'node') this.#onSet(node, change.record);
    }
    this.#emitter.emit('changed', undefined);
  }

  #onWiped(): void {
    this.#wiped = true;
    this.#uptime.interrupted();
  }

  #onSet(node: string, record: NodeLease): void {
    const now = this.#clock.monotonic();
    this.#lastSeen.set(node, now);
    if (node === this.#node) {
      this.#uptime.ownSeen(now);
      this.#emitter.emit('own', { record });
    }
    const before = this.#members.get(node);
    const { dead, ...member } = record;
    if (dead !== undefined) {
      this.#members.delete(node);
      if (before !== undefined) this.#emitter.emit('left', { member: before, reason: 'expired', by: dead.by });
    } else if (record.fence > 0) {
      this.#members.set(node, member);
      if (before === undefined) this.#emitter.emit('joined', member);
    }
  }

  #onRemoved(node: string, why: 'deleted' | 'lost'): void {
    if (node === this.#node) this.#emitter.emit('own', { record: undefined, why });
    // Lost with the store, not given back: it is a member until it fails to write itself back.
    if (why === 'lost') {
      this.#lastSeen.set(node, this.#clock.monotonic());
      return;
    }
    this.#lastSeen.delete(node);
    const before = this.#members.get(node);
    this.#members.delete(node);
    if (before !== undefined) this.#emitter.emit('left', { member: before, reason: 'stopped' });
  }
}
