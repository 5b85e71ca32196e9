import { z } from 'zod';
import type { QueueFacts } from '../cluster/allocator/index.ts';
import type { RoundFacts } from '../cluster/call-requests/index.ts';
import { SingleFlight } from '../kernel/index.ts';
import type { CallNode } from './open-call-node.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

const RPC_QUEUE = 'queue-load';
const NOTHING: QueueFacts = { waiting: 0, scheduled: [] };
const loadSchema = z
  .object({
    waiting: z.number(),
    scheduled: z.array(z.object({ at: z.number(), calls: z.number() })),
    perCall: z.object({ legs: z.number(), seconds: z.number() }).optional(),
  })
  .nullable();

interface QueueLoadNeeds {
  readonly bus: Pick<BusParts, 'cluster'>;
  readonly callNode: Pick<CallNode, 'rpc'>;
  /** Undefined: another process schedules. */
  readonly facts: () => RoundFacts | undefined;
}

/**
 * What waits for channels, for who decides about nodes. Where another process schedules it is what that one said when this
 * was asked before; nothing until then, and while it does not answer.
 */
export function openQueueLoad(
  { startup, node, log }: Pick<Platform, 'startup' | 'node' | 'log'>,
  { bus, callNode, facts }: QueueLoadNeeds,
): () => QueueFacts {
  const { rpc } = callNode;
  const flight = new SingleFlight<'ask', undefined>();
  let told = NOTHING;
  const own = (): QueueFacts | undefined => {
    const known = facts();
    return known === undefined
      ? undefined
      : { waiting: known.ready, scheduled: known.starts, perCall: known.perCall ?? undefined };
  };
  startup.scope.defer(rpc.serve(RPC_QUEUE, () => Promise.resolve(own() ?? null)));
  const ask = async (): Promise<undefined> => {
    const others = bus.cluster.members().filter((member) => member.node !== node && member.roles.includes('call'));
    const answers = await Promise.allSettled(
      others.map(async (member) => loadSchema.parse(await rpc.request(member.node, RPC_QUEUE, {}))),
    );
    told = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : null)).find(Boolean) ?? NOTHING;
    return undefined;
  };
  return () => {
    const here = own();
    if (here !== undefined) return here;
    flight.run('ask', ask).catch((error: unknown) => {
      log.warn({ err: error }, 'nobody said what waits to be called');
    });
    return told;
  };
}
