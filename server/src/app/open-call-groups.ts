import type { BridgeHost, NodeRpc } from '../bridge/index.ts';
import { GroupClaims, NodeConferences, NodeQueueControl, NodeQueues, sweepGroups } from '../calls/index.ts';
import type { Callbacks, EventSink, Instructions, Prompts } from '../calls/ports.ts';
import { NatsGroupStore } from '../calls/groups/group-store.nats.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** Conferences and queues of this process, and the way to those of the others. */
export interface CallGroups {
  readonly conferences: NodeConferences;
  readonly queues: NodeQueues;
  readonly queueControl: NodeQueueControl;
}

export async function openCallGroups(
  { startup, node, clock, random, log, metrics }: Platform,
  parts: {
    readonly bus: BusParts;
    readonly rpc: NodeRpc;
    readonly host: Pick<BridgeHost, 'conferences' | 'ties'>;
    readonly events: EventSink;
    readonly instructions: Instructions;
    readonly prompts: Prompts;
    readonly callbacks: Callbacks;
    /** Address of the REST API. */
    readonly apiUrl?: () => string;
  },
): Promise<CallGroups> {
  const { bus, host } = parts;
  const { cluster } = bus;
  const store = await startup.step('owners of conferences and queues', () => NatsGroupStore.open(bus.bus));
  cluster.registerSweep(sweepGroups(store, parts.events));
  const standing = {
    fence: cluster.fence,
    isAlive: (other: string) => cluster.isAlive(other),
    isFenced: (other: string, fence: number) => cluster.isFenced(other, fence),
    onLeft: (listener: (node: string) => void) =>
      cluster.on('left', ({ member }) => {
        listener(member.node);
      }),
  };
  const claims = new GroupClaims({ store, node, standing, clock, random });
  const conferences = await startup.step(
    'conferences',
    () => new NodeConferences({ ...parts, media: host.conferences, claims, clock, random, log }),
    (opened) => {
      opened.close();
    },
  );
  const queues = await startup.step(
    'queues',
    () => new NodeQueues({ ...parts, ties: host.ties, claims, clock, log }),
    (opened) => {
      opened.close();
    },
  );
  metrics.gauge('hookswitch_conferences', 'Conferences that this node owns', [], () => conferences.size);
  metrics.gauge('hookswitch_queues', 'Queues with waiting calls that this node owns', [], () => queues.size);
  return { conferences, queues, queueControl: new NodeQueueControl({ ...parts, claims, clock, log }) };
}
