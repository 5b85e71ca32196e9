import { topicsOf } from '@hookswitch/shared';
import type { FakeClock } from '../../../kernel/clock.fake.ts';
import { createMetrics, silentLog, systemRandom } from '../../../kernel/index.ts';
import { NodePresence } from '../index.ts';
import type { PresenceEvent, PresenceEvents, PresenceLimits } from '../index.ts';
import type { MemoryPresenceCluster } from '../store.memory.ts';

export const ACCOUNT = `AC${'a'.repeat(32)}`;

/** Outboxes of a cluster: what is stored, once per event id, in order. */
export class StoredEvents {
  readonly stored: PresenceEvent[] = [];
  /** Emitted and not stored yet, in order; `store` lets them in. */
  readonly waiting: PresenceEvent[] = [];
  /** Whether events are stored as they come. */
  open = true;
  refuse = false;

  readonly sink: PresenceEvents = {
    emit: (event) => {
      if (this.refuse) {
        event.onSettled('refused');
        return;
      }
      this.waiting.push(event);
      if (this.open) this.store();
    },
  };

  store(): void {
    for (const event of this.waiting.splice(0)) {
      if (!this.stored.some(({ id }) => id === event.id)) this.stored.push(event);
      event.onSettled('stored');
    }
  }

  /** `joined alice 1/2`: identity, its connections, members of the topic. */
  get told(): string[] {
    return this.stored.map(({ type, data }) => {
      const name = data.identity ?? data.connection;
      return `${type.slice('presence.'.length)} ${name} ${data.identityCount ?? '-'}/${data.occupancy}`;
    });
  }

  /** Topics of what is stored. */
  get topics(): string[] {
    return this.stored.flatMap(({ type, data }) => topicsOf(type, data as never));
  }
}

export interface NodeOptions {
  readonly node: string;
  readonly clock: FakeClock;
  readonly limits?: Partial<PresenceLimits>;
  readonly gate?: () => 'open' | 'held' | 'shut';
}

export function presenceNode(
  cluster: MemoryPresenceCluster,
  events: StoredEvents,
  { node, clock, limits = {}, gate = () => 'open' }: NodeOptions,
): NodePresence {
  return new NodePresence({
    store: cluster.open(),
    events: events.sink,
    node,
    gate,
    clock,
    random: systemRandom,
    log: silentLog,
    metrics: createMetrics(),
    limits,
  });
}
