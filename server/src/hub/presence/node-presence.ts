import { describeError, randomHex } from '../../kernel/index.ts';
import type { Clock, Log, Metrics, Random, Unsubscribe } from '../../kernel/index.ts';
import { Announcer } from './announcer.ts';
import { PRESENCE_LIMITS } from './limits.ts';
import type { PresenceLimits } from './limits.ts';
import { OwnParts } from './own-parts.ts';
import type { OwnPart } from './own-part.ts';
import { PendingJoins } from './pending-joins.ts';
import { PresenceError } from './presence-error.ts';
import type {
  JoinRequest,
  MembersPage,
  OccupancyPage,
  PageRequest,
  Presence,
  PresenceChange,
  PresenceEvents,
  PresenceMembership,
  PresenceRecord,
  PresenceStore,
} from './ports.ts';
import { PresenceSweep } from './presence-sweep.ts';
import { PresenceView } from './view.ts';
import { WritePump } from './write-pump.ts';

export interface NodePresenceOptions {
  /** Closed by the presence. Ready. */
  readonly store: PresenceStore;
  readonly events: PresenceEvents;
  readonly node: string;
  /** What the node's lease says. `held`: writing waits. `shut`: others have taken over what this node held. */
  readonly gate: () => 'open' | 'held' | 'shut';
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits?: Partial<PresenceLimits>;
}

/**
 * Presence of one process: writes the members of its own connections, knows those of all others, and tidies up after
 * dead ones (it is a `Sweepable` of cluster/membership).
 *
 * A change is written first, coalesced with others; once the view shows it, its event goes to the outbox; once that is
 * stored, the record says so with its next write. A record therefore always lists what may not have been told yet, and
 * whoever finds it after a crash can tell it: under the same event id, so that a repeat is dropped.
 */
export class NodePresence implements Presence {
  readonly name = 'presence';
  readonly #options: NodePresenceOptions;
  readonly #limits: PresenceLimits;
  readonly #view = new PresenceView();
  readonly #own: OwnParts;
  readonly #announcer: Announcer;
  readonly #pump: WritePump<OwnPart>;
  readonly #sweep: PresenceSweep;
  readonly #off: Unsubscribe;
  readonly #pending = new PendingJoins();
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(options: NodePresenceOptions) {
    this.#options = options;
    this.#limits = { ...PRESENCE_LIMITS, ...options.limits };
    const { store, events, clock, metrics } = options;
    this.#own = new OwnParts(options.node, this.#limits.membersPerPart);
    this.#announcer = new Announcer({
      view: this.#view,
      events,
      onSettled: (...settled) => {
        this.#onSettled(...settled);
      },
    });
    this.#pump = new WritePump({
      clock,
      write: (part) => this.#write(part),
      onIdle: (part) => {
        this.#letGo(part);
      },
      retryMs: this.#limits.retryMs,
      concurrency: this.#limits.concurrentWrites,
    });
    this.#sweep = new PresenceSweep({
      store,
      view: this.#view,
      announcer: this.#announcer,
      node: options.node,
      clock,
      limits: this.#limits,
    });
    for (const [key, record, revision] of store.entries()) this.#view.set(key, record, revision);
    this.#off = store.onChange((change) => {
      this.#apply(change);
    });
    metrics.gauge('hookswitch_presence_members', 'Memberships that connections of this process hold', [], () => {
      return this.#own.members;
    });
  }

  join(request: JoinRequest): PresenceMembership {
    this.#checkRoom(request);
    const { accountSid, topic, connection, identity, info } = request;
    const id = randomHex(this.#options.random, 12);
    const part = this.#own.withRoom(accountSid, topic);
    part.join({
      id,
      connection,
      ...(identity === undefined ? {} : { identity }),
      ...(info === undefined ? {} : { info }),
      since: this.#options.clock.now(),
      told: false,
    });
    this.#pump.add(part, this.#limits.windowMs);
    return {
      ready: this.#pending.add(id, accountSid, topic),
      leave: (reason) => {
        this.#pending.settle(id);
        if (part.leave(id, reason)) this.#pump.add(part, this.#limits.windowMs);
        else this.#letGo(part);
      },
    };
  }

  members(accountSid: string, topic: string, page: PageRequest): MembersPage {
    return this.#view.members(accountSid, topic, page);
  }

  occupancy(accountSid: string, pattern: string, page: PageRequest): OccupancyPage {
    return this.#view.occupancy(accountSid, pattern, page);
  }

  /** Nodes that hold members, dead or alive. */
  owners(): Iterable<string> {
    const owners = new Set<string>();
    for (const [, { record }] of this.#view.entries()) owners.add(record.node);
    return owners;
  }

  /** Tells the leaves of a dead node's members and removes what it held. Rejects when something of it has to be repeated. */
  sweep(node: string): Promise<void> {
    return this.#sweep.sweep(node);
  }

  /**
   * Every connection has left: waits until that is written and told, at most `drainMs`. What is left then is tidied up by
   * the other nodes. Idempotent, never rejects.
   */
  async close(drainMs = 3000): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers<void>();
      for (const part of this.#own.parts()) {
        for (const id of [...part.memberIds]) part.leave(id, 'disconnected');
        this.#pump.add(part, 0);
      }
      this.#endWhenIdle();
    }
    const deadline = this.#options.clock.setTimer(drainMs, this.#closing.resolve);
    await this.#closing.promise;
    deadline.cancel();
    this.abandon();
  }

  /** Lets everything go without a word, as a process that is killed: for tests. */
  abandon(): void {
    this.#off();
    this.#pump.close();
    this.#pending.settleAll();
    this.#options.store.close();
  }

  #checkRoom({ accountSid, topic }: JoinRequest): void {
    const { membersPerTopic, membersPerAccount } = this.#limits;
    const onTopic = this.#view.count(accountSid, topic) + this.#pending.count(accountSid, topic);
    const ofAccount = this.#view.count(accountSid) + this.#pending.count(accountSid);
    if (onTopic >= membersPerTopic) {
      throw new PresenceError('limit', `a topic has ${membersPerTopic} members at most; ${topic} has them`);
    }
    if (ofAccount >= membersPerAccount) {
      throw new PresenceError('limit', `an account has ${membersPerAccount} memberships at most, on all topics`);
    }
  }

  #apply(change: PresenceChange): void {
    const { key } = change;
    if (change.kind === 'removed') {
      this.#view.remove(key);
      const part = this.#own.get(key);
      if (part === undefined) this.#announcer.forget(key);
      else if (change.why === 'lost') {
        part.unsure = true;
        this.#pump.add(part, this.#limits.windowMs);
      }
      return;
    }
    const { record, revision } = change;
    this.#view.set(key, record, revision);
    if (record.writer !== this.#options.node) return;
    for (const { id } of record.members) this.#pending.settle(id);
    this.#announcer.announce(key, record);
  }

  #onSettled(key: string, kind: 'joined' | 'left', member: string, outcome: 'stored' | 'refused'): void {
    this.#sweep.settled(key);
    const part = this.#own.get(key);
    if (part === undefined) return;
    if (outcome === 'stored') part.told(kind, member);
    const { settleMs, retryMs } = this.#limits;
    const wait = outcome === 'refused' ? retryMs : this.#closing === undefined ? settleMs : 0;
    this.#pump.add(part, wait);
  }

  async #write(part: OwnPart): Promise<'done' | 'failed'> {
    const { store, gate, node, log } = this.#options;
    const standing = gate();
    if (standing === 'shut') return 'done';
    if (standing === 'held') return 'failed';
    try {
      if (part.unsure) {
        const held = await store.get(part.key);
        part.revision = held?.revision ?? 0;
        part.unsure = false;
        if (held !== undefined && held.record.writer !== node) {
          log.error(
            { key: part.key, writer: held.record.writer },
            'presence of this node was taken over by another one',
          );
          return 'done';
        }
      }
      await this.#store(part);
    } catch (error) {
      part.unsure = true;
      const retries = error instanceof PresenceError;
      const fields = { key: part.key, reason: describeError(error) };
      if (retries) log.debug(fields, 'presence could not be written yet');
      else log.error(fields, 'writing presence failed');
      return 'failed';
    }
    return 'done';
  }

  async #store(part: OwnPart): Promise<void> {
    const { store } = this.#options;
    if (part.isEmpty) {
      if (part.revision > 0) await store.remove(part.key, part.revision);
      part.revision = 0;
      return;
    }
    const record: PresenceRecord = part.record();
    part.revision = await store.write(part.key, record, part.revision);
  }

  /** A part without anything in it is forgotten. */
  #letGo(part: OwnPart): void {
    if (part.isEmpty && part.revision === 0 && !part.unsure && !this.#pump.has(part)) this.#own.remove(part);
    this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    if (this.#own.size === 0) this.#closing?.resolve();
  }
}
