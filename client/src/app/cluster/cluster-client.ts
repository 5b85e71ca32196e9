import {
  decisionListSchema,
  drainedNodeSchema,
  forecastViewSchema,
  nodeListSchema,
  queueViewSchema,
  tenantListSchema,
  tenantStatusSchema,
  trunkListSchema,
} from '@hookswitch/shared';
import type {
  DecisionList,
  DrainedNode,
  ForecastView,
  NodeList,
  QueueView,
  TenantList,
  TenantStatus,
  TrunkList,
} from '@hookswitch/shared';

/** The server did not do what it was asked; the message is for whoever reads the page. */
export class ClusterRequestError extends Error {
  /** The key is none, or not the key of this start of the server any more. */
  readonly isRefused: boolean;

  constructor(message: string, isRefused: boolean) {
    super(message);
    this.isRefused = isRefused;
  }
}

/** A part of the answers that is validated. */
interface Schema<T> {
  parse(value: unknown): T;
}

/** Reads what the operator may see of the cluster, with the operator's key. Methods reject with ClusterRequestError. */
export class ClusterClient {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  nodes(): Promise<NodeList> {
    return this.#get('nodes', nodeListSchema);
  }

  queue(): Promise<QueueView> {
    return this.#get('queue?limit=50', queueViewSchema);
  }

  /** @param search sid or name, exactly; empty: all */
  tenants(limit: number, search: string): Promise<TenantList> {
    const query = search === '' ? '' : `&search=${encodeURIComponent(search)}`;
    return this.#get(`tenants?limit=${limit}${query}`, tenantListSchema);
  }

  trunks(): Promise<TrunkList> {
    return this.#get('trunks?limit=200', trunkListSchema);
  }

  decisions(): Promise<DecisionList> {
    return this.#get('decisions?limit=200', decisionListSchema);
  }

  /** @param ahead hours to come */
  forecast(hours: number, ahead: number): Promise<ForecastView> {
    return this.#get(`forecast?hours=${hours}&ahead=${ahead}`, forecastViewSchema);
  }

  drain(node: string, deadlineSeconds: number): Promise<DrainedNode> {
    return this.#ask(`nodes/${encodeURIComponent(node)}/drain`, drainedNodeSchema, { deadlineSeconds });
  }

  setStatus(accountSid: string, status: 'active' | 'suspended'): Promise<TenantStatus> {
    return this.#ask(`tenants/${encodeURIComponent(accountSid)}`, tenantStatusSchema, { status });
  }

  #get<T>(path: string, schema: Schema<T>): Promise<T> {
    return this.#ask(path, schema);
  }

  async #ask<T>(path: string, schema: Schema<T>, json?: object): Promise<T> {
    const response = await fetch(`v1/cluster/${path}`, {
      method: json === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    }).catch(() => {
      throw new ClusterRequestError('The server does not answer.', false);
    });
    if (response.status === 401) throw new ClusterRequestError('This is not the key of the running server.', true);
    const body: unknown = await response.json().catch(() => undefined);
    if (response.ok) return schema.parse(body);
    const { detail, title } = (body ?? {}) as { detail?: unknown; title?: unknown };
    const said = [detail, title].find((text) => typeof text === 'string');
    throw new ClusterRequestError(said ?? `The server answered ${response.status}.`, false);
  }
}
