import { gatewayName } from '../bridge/index.ts';
import type { NodeRpc } from '../bridge/index.ts';
import { NodeClusterConsole, accountFacts, nodeFactsSchema } from '../cluster/console/index.ts';
import type { ClusterConsole, NodeFacts, QueueFacts } from '../cluster/console/index.ts';
import type { CapacityStore } from '../cluster/capacity/index.ts';
import type { Quotas } from '../gateway/index.ts';
import type { Directory } from '../tenants/index.ts';
import { ClusterRequestError } from './cluster-error.ts';
import type { CallNode } from './open-call-node.ts';
import type { NodeLoadParts } from './open-node-load.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

const RPC_FACTS = 'node-facts';

/** A process that has clients and no calls tells of them. */
export function tellOfClients(rpc: Pick<NodeRpc, 'serve'>, quotas: Pick<Quotas, 'usage'>): () => void {
  return rpc.serve(RPC_FACTS, () => {
    const facts: NodeFacts = { accounts: accountFacts({ calls: [], uses: quotas.usage() }), trunks: [], queue: null };
    return Promise.resolve(facts);
  });
}

interface ConsoleNeeds {
  readonly bus: BusParts;
  readonly directory: Directory;
  readonly callNode: CallNode;
  readonly load: NodeLoadParts;
  readonly store: Pick<CapacityStore, 'days' | 'decisions'>;
  /** Undefined: calls are scheduled elsewhere. */
  readonly queue: () => QueueFacts | undefined;
}

export interface ConsoleParts {
  readonly console: ClusterConsole;
  /** Whose clients this process tells of, once it has any. */
  readonly tellOf: (quotas: Pick<Quotas, 'usage'>) => void;
}

/** What this process tells the others of itself, and what an operator sees of all. */
export function openConsole({ startup, clock, log }: Platform, needs: ConsoleNeeds): ConsoleParts {
  const { bus, directory, callNode, load, store, queue } = needs;
  let quotas: Pick<Quotas, 'usage'> | undefined;
  const facts = (): NodeFacts => ({
    accounts: accountFacts({ calls: callNode.router.activeCalls(), uses: quotas?.usage() ?? [] }),
    trunks: callNode.host.trunks.facts(),
    queue: queue() ?? null,
  });
  startup.scope.defer(callNode.rpc.serve(RPC_FACTS, () => Promise.resolve(facts())));
  const console = new NodeClusterConsole({
    ...{ cluster: bus.cluster, placement: load.placement, directory, store, gatewayName, clock, log },
    guards: callNode.callGuard,
    ask: async (node) => nodeFactsSchema.parse(await callNode.rpc.request(node, RPC_FACTS, {})),
    drainNode: async (node, deadlineMs) => {
      try {
        return await load.drainNode(node, deadlineMs);
      } catch (error) {
        if (error instanceof ClusterRequestError) return { refused: error.reason, message: error.message };
        throw error;
      }
    },
  });
  return {
    console,
    tellOf: (told) => {
      quotas = told;
    },
  };
}
