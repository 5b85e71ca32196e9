import { Emitter } from '../../kernel/index.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import { LeaseError } from './lease-error.ts';
import type { LeaseChange, LeaseRecord, LeaseStore } from './ports.ts';

interface Held {
  readonly record: LeaseRecord;
  readonly revision: number;
}

/** What several {@link MemoryLeaseStore} share. It can fail as a server does: go away, and come back empty. */
export class MemoryLeases {
  readonly held = new Map<string, Held>();
  readonly stores = new Set<MemoryLeaseStore>();
  revision = 0;
  epoch: number;

  constructor(epoch = 1) {
    this.epoch = epoch;
  }

  open(): MemoryLeaseStore {
    return new MemoryLeaseStore(this);
  }

  /** Nobody is connected any more. */
  down(): void {
    for (const store of this.stores) store.cut();
  }

  up(): void {
    for (const store of this.stores) store.mend();
  }

  /** Everything is lost, as with a new disk. While it is down. */
  wipe(): void {
    this.held.clear();
    this.revision = 0;
    this.epoch += 1_000_000;
  }

  publish(change: LeaseChange): void {
    for (const store of this.stores) store.deliver(change);
  }
}

/** One process's leases in memory. */
export class MemoryLeaseStore implements LeaseStore {
  readonly ready = Promise.resolve();
  readonly #leases: MemoryLeases;
  readonly #view: Map<string, Held>;
  readonly #emitter: Emitter<{ change: LeaseChange; connection: boolean }>;
  #connected = true;

  constructor(leases: MemoryLeases) {
    this.#leases = leases;
    this.#view = new Map(leases.held);
    this.#emitter = new Emitter((error) => {
      throw error;
    });
    leases.stores.add(this);
  }

  async create(key: string, record: LeaseRecord): Promise<number> {
    await this.#reach();
    if (this.#leases.held.has(key)) throw new LeaseError('conflict', `${key} is there already`);
    return this.#set(key, record);
  }

  async update(key: string, record: LeaseRecord, revision: number): Promise<number> {
    await this.#reach();
    this.#check(key, revision);
    return this.#set(key, record);
  }

  async remove(key: string, revision: number): Promise<void> {
    await this.#reach();
    this.#check(key, revision);
    this.#leases.revision++;
    this.#leases.held.delete(key);
    this.#leases.publish({ kind: 'removed', key, why: 'deleted' });
  }

  async get(key: string): Promise<Held | undefined> {
    await this.#reach();
    return this.#leases.held.get(key);
  }

  async epoch(): Promise<number> {
    await this.#reach();
    return this.#leases.epoch;
  }

  get connected(): boolean {
    return this.#connected;
  }

  onConnection(listener: (connected: boolean) => void): Unsubscribe {
    return this.#emitter.on('connection', listener);
  }

  view(key: string): Held | undefined {
    return this.#view.get(key);
  }

  *entries(): Generator<readonly [key: string, record: LeaseRecord]> {
    for (const [key, { record }] of this.#view) yield [key, record];
  }

  onChange(listener: (change: LeaseChange) => void): Unsubscribe {
    return this.#emitter.on('change', listener);
  }

  close(): void {
    this.#leases.stores.delete(this);
    this.#emitter.clear();
  }

  /** This process alone loses the connection. */
  cut(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#emitter.emit('connection', false);
  }

  /** Connected again: the view catches up with what it missed. */
  mend(): void {
    if (this.#connected) return;
    this.#connected = true;
    this.#emitter.emit('connection', true);
    for (const key of [...this.#view.keys()]) {
      if (!this.#leases.held.has(key)) this.deliver({ kind: 'removed', key, why: 'lost' });
    }
    for (const [key, { record, revision }] of this.#leases.held) {
      if (this.#view.get(key)?.revision !== revision) this.deliver({ kind: 'set', key, record, revision });
    }
  }

  deliver(change: LeaseChange): void {
    if (!this.#connected) return;
    if (change.kind === 'set') this.#view.set(change.key, { record: change.record, revision: change.revision });
    else this.#view.delete(change.key);
    this.#emitter.emit('change', change);
  }

  #set(key: string, record: LeaseRecord): number {
    const revision = ++this.#leases.revision;
    this.#leases.held.set(key, { record, revision });
    this.#leases.publish({ kind: 'set', key, record, revision });
    return revision;
  }

  #check(key: string, revision: number): void {
    if (this.#leases.held.get(key)?.revision !== revision) {
      throw new LeaseError('conflict', `${key} is not at revision ${revision}`);
    }
  }

  async #reach(): Promise<void> {
    await Promise.resolve();
    if (!this.#connected) throw new LeaseError('unavailable', 'not connected');
  }
}
