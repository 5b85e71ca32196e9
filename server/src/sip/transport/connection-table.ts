import type { Endpoint } from './api.ts';
import type { StreamConnection } from './connection.ts';

/** The live connections of one transport: by flow, and by where they lead, for reuse in both directions. */
export class ConnectionTable {
  readonly #byFlow = new Map<string, StreamConnection>();
  readonly #byRemote = new Map<string, Set<StreamConnection>>();

  get size(): number {
    return this.#byFlow.size;
  }

  add(connection: StreamConnection): void {
    const { flow, address, port } = connection.remote;
    if (flow !== undefined) this.#byFlow.set(flow, connection);
    const key = remoteKey(address, port);
    const found = this.#byRemote.get(key);
    if (found === undefined) this.#byRemote.set(key, new Set([connection]));
    else found.add(connection);
  }

  delete(connection: StreamConnection): void {
    const { flow, address, port } = connection.remote;
    if (flow !== undefined) this.#byFlow.delete(flow);
    const key = remoteKey(address, port);
    const found = this.#byRemote.get(key);
    found?.delete(connection);
    if (found?.size === 0) this.#byRemote.delete(key);
  }

  byFlow(flow: string): StreamConnection | undefined {
    const found = this.#byFlow.get(flow);
    return found?.closed === false ? found : undefined;
  }

  /**
   * A connection that leads to a destination, whoever opened it (RFC 5923). A connection whose peer was checked for a
   * name serves requests to that name; one to a mere address is served by any connection to it.
   */
  towards({ address, port, serverName }: Endpoint): StreamConnection | undefined {
    for (const connection of this.#byRemote.get(remoteKey(address, port)) ?? []) {
      if (connection.closed) continue;
      if (serverName === undefined || connection.remote.serverName === serverName.toLowerCase()) return connection;
    }
    return undefined;
  }

  all(): StreamConnection[] {
    return [...this.#byFlow.values()];
  }
}

function remoteKey(address: string, port: number): string {
  return `${address}|${port}`;
}
