import { callMessaging } from '../bridge/index.ts';
import type { RestServices } from '../rest/index.ts';
import type { CallNode } from './open-call-node.ts';
import type { BusParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** What REST has to do with calls and softphones: this node's own calls first, then those of the others. */
export function bridgeAccess(
  { node, log }: Pick<Platform, 'node' | 'log'>,
  { bus, callNode }: { readonly bus: BusParts; readonly callNode: Pick<CallNode, 'rpc' | 'registrations'> },
): Pick<RestServices, 'callMessages' | 'registrations'> {
  const nodes = (): string[] => {
    const others = bus.cluster.members().filter((member) => member.node !== node && member.roles.includes('call'));
    return [node, ...others.map((member) => member.node)];
  };
  return { callMessages: callMessaging({ rpc: callNode.rpc, nodes, log }), registrations: callNode.registrations };
}
