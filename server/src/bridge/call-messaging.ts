import { describeError } from '../kernel/index.ts';
import type { Log } from '../kernel/index.ts';
import type { CallMessageReply, CallMessageRequest, CallMessaging, NodeRpc } from './ports.ts';
import { callMessageReplySchema, RPC } from './rpc-messages.ts';

export interface CallMessagingOptions {
  readonly rpc: NodeRpc;
  /** Nodes that hold calls, the likeliest first; asked for at every use. */
  readonly nodes: () => readonly string[];
  readonly log: Log;
}

/** Asks one call node after another until one knows the call. */
export function callMessaging({ rpc, nodes, log }: CallMessagingOptions): CallMessaging {
  return {
    request: async (request: CallMessageRequest): Promise<CallMessageReply> => {
      let unreachable = 0;
      for (const node of nodes()) {
        try {
          const reply = callMessageReplySchema.parse(await rpc.request(node, RPC.messages, request));
          if (reply.ok || reply.reason !== 'no-such-call') return reply;
        } catch (error) {
          unreachable++;
          log.warn(
            { err: error, node, callSid: request.callSid },
            `a call node does not answer: ${describeError(error)}`,
          );
        }
      }
      if (unreachable === 0) return { ok: false, reason: 'no-such-call' };
      return { ok: false, reason: 'unavailable', message: 'a node that may hold the call does not answer' };
    },
  };
}
