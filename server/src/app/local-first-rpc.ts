import type { NodeRpc } from '../bridge/index.ts';

/**
 * Requests of a node to itself are answered in the process and need no bus, so that a device can hang up while NATS is
 * away. Payloads are copied as the bus would copy them; everything else goes over `remote`.
 */
export function localFirstRpc(remote: NodeRpc): NodeRpc {
  const handlers = new Map<string, (payload: unknown) => Promise<unknown>>();
  const copy = (value: unknown): unknown =>
    value === undefined ? null : (JSON.parse(JSON.stringify(value)) as unknown);
  return {
    node: remote.node,
    serve(method, handler) {
      handlers.set(method, handler);
      const stop = remote.serve(method, handler);
      return () => {
        handlers.delete(method);
        stop();
      };
    },
    async request(node, method, payload) {
      const handler = node === remote.node ? handlers.get(method) : undefined;
      return handler === undefined ? await remote.request(node, method, payload) : copy(await handler(copy(payload)));
    },
  };
}
