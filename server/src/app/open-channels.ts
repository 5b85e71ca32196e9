import { z } from 'zod';
import type { NodeRpc } from '../bridge/index.ts';
import { ChannelBroker, ChannelDesk } from '../cluster/channels/index.ts';
import type { ChannelBrokerLink } from '../cluster/channels/index.ts';
import { delay } from '../kernel/index.ts';
import type { BusParts, TenantReaders } from './open-stores.ts';
import type { Platform } from './platform.ts';

const RPC_ASK = 'trunk-channels';
const RPC_HELD = 'trunk-channels-held';
const RPC_USED = 'trunk-channels-used';
/** So long a call waits for somebody who counts channels, milliseconds: about what a change of hands takes. */
const PATIENCE_MS = 4000;
const RETRY_MS = 200;

const counts = z.object({ in: z.number(), out: z.number() });
/** By account. */
const use = z.record(z.string(), counts);
const askSchema = z.object({ node: z.string(), trunk: z.string(), held: use, want: use });
/** null: another process counts. */
const grantSchema = z.object({ fence: z.number(), granted: use }).nullable();
const heldSchema = z.record(z.string(), use);
const trunksSchema = z.array(z.string());
/** null: another process counts. */
const usedSchema = heldSchema.nullable();

interface ChannelNeeds {
  readonly bus: Pick<BusParts, 'cluster'>;
  readonly tenants: Pick<TenantReaders, 'directory'>;
  readonly rpc: NodeRpc;
}

/** Channels of trunks for the calls of this node, counted over all nodes; this node counts for all when that falls to it. */
export async function openChannels(
  platform: Pick<Platform, 'startup' | 'clock' | 'log'>,
  { bus, tenants, rpc }: ChannelNeeds,
): Promise<ChannelDesk> {
  const { startup, clock, log } = platform;
  const { cluster } = bus;
  const desk = await startup.step(
    'channels of trunks',
    () => new ChannelDesk({ cluster, broker: brokerLink(platform, { bus, rpc }), log }),
    (opened) => {
      opened.close();
    },
  );
  startup.scope.defer(rpc.serve(RPC_HELD, (fence) => Promise.resolve(desk.hand(z.number().parse(fence)))));
  let broker: ChannelBroker | undefined;
  startup.scope.defer(rpc.serve(RPC_ASK, async (asked) => (await broker?.ask(askSchema.parse(asked))) ?? null));
  const usedOf = async (trunks: unknown) => (await broker?.used(trunksSchema.parse(trunks))) ?? null;
  startup.scope.defer(rpc.serve(RPC_USED, usedOf));
  const task = {
    name: 'trunk-channels',
    shards: 1,
    run: async (duty: ConstructorParameters<typeof ChannelBroker>[1]): Promise<void> => {
      const nodes = {
        held: async (node: string, fence: number) => heldSchema.parse(await rpc.request(node, RPC_HELD, fence)),
      };
      const limitsOf = (trunk: string) => tenants.directory.trunk(trunk)?.channels;
      const own = (broker = new ChannelBroker({ cluster, nodes, limitsOf, clock, log }, duty));
      await new Promise((resolve) => {
        duty.signal.addEventListener('abort', resolve, { once: true });
        if (duty.signal.aborted) resolve(undefined);
      });
      broker = undefined;
      own.close();
    },
  };
  await startup.step(
    'count of channels',
    () => cluster.singleDoer.offer(task),
    (stop) => stop(),
  );
  return desk;
}

/** Who counted last is asked first, and when it does not any more, everybody. */
function brokerLink(
  { clock }: Pick<Platform, 'clock'>,
  { bus, rpc }: Pick<ChannelNeeds, 'bus' | 'rpc'>,
): ChannelBrokerLink {
  let known: string | undefined;
  const askAt = async <T>(node: string, method: string, request: unknown, read: (answer: unknown) => T | null) => {
    const answer = read(await rpc.request(node, method, request));
    if (answer === null) throw new Error(`${node} does not count channels`);
    known = node;
    return answer;
  };
  const ask = async <T>(method: string, request: unknown, read: (answer: unknown) => T | null): Promise<T> => {
    const until = clock.monotonic() + PATIENCE_MS;
    for (;;) {
      try {
        const node = known;
        known = undefined;
        if (node !== undefined && bus.cluster.isAlive(node)) return await askAt(node, method, request, read);
        const able = bus.cluster.members().filter(({ roles }) => roles.includes('call'));
        return await Promise.any(able.map((member) => askAt(member.node, method, request, read)));
      } catch (error) {
        if (clock.monotonic() >= until) throw error;
        await delay(clock, RETRY_MS);
      }
    }
  };
  return {
    ask: (request) => ask(RPC_ASK, request, (answer) => grantSchema.parse(answer)),
    used: (trunks) => ask(RPC_USED, trunks, (answer) => usedSchema.parse(answer)),
  };
}
