import { Agent, request } from 'undici';
import { z } from 'zod';
import { ProvisionError } from './errors.ts';
import type { Provisioner, ProvisionedNode } from './ports.ts';

const TIMEOUT_MS = 15_000;

export interface KubernetesOptions {
  /** Of the API server. */
  readonly url: string;
  /** PEM; undefined: what Node.js trusts. */
  readonly authority?: string | undefined;
  /** Read for each request: Kubernetes renews it. */
  readonly token: () => string;
  readonly namespace: string;
  /** Whose replicas are changed. */
  readonly deployment: string;
  /** Replicas at most, those that Kubernetes has no room for included. */
  readonly most: number;
}

const scaleSchema = z.object({ spec: z.object({ replicas: z.number().int().nonnegative().default(0) }) });

/** https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#pod-deletion-cost */
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

/**
 * Replicas of a Deployment, by the API server's own HTTP. A node that goes is named by its pod's deletion cost before the
 * replicas are lowered; Kubernetes then sends it SIGTERM, and it drains for as long as `terminationGracePeriodSeconds`
 * allows. Pods need `HOOKSWITCH_PROVISIONER=kubernetes` and `HOOKSWITCH_POD` (deploy/kubernetes has both).
 */
export class KubernetesProvisioner implements Provisioner {
  readonly name = 'kubernetes';
  readonly #options: KubernetesOptions;
  readonly #agent: Agent;
  /** One change of the replicas at a time: each begins with what they are. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: KubernetesOptions) {
    this.#options = options;
    const { authority } = options;
    this.#agent = new Agent({
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      ...(authority === undefined ? {} : { connect: { ca: authority } }),
    });
  }

  start(): Promise<void> {
    return this.#inTurn(() => this.#scaleBy(1));
  }

  stop({ node, addresses }: ProvisionedNode): Promise<void> {
    const pod = addresses['pod'];
    if (pod === undefined) {
      const message = `node ${node} does not say which pod it is: set HOOKSWITCH_POD`;
      return Promise.reject(new ProvisionError('refused', message));
    }
    return this.#inTurn(async () => {
      const { namespace } = this.#options;
      const path = `/api/v1/namespaces/${namespace}/pods/${encodeURIComponent(pod)}`;
      await this.#call('PATCH', path, { metadata: { annotations: { [DELETION_COST]: '-1000' } } });
      await this.#scaleBy(-1);
    });
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #scaleBy(difference: number): Promise<void> {
    const { namespace, deployment, most } = this.#options;
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}/scale`;
    const { spec } = scaleSchema.parse(await this.#call('GET', path));
    if (difference > 0 && spec.replicas >= most) {
      const message = `${deployment} has ${spec.replicas} replicas, ${most} at most: they have not all joined`;
      throw new ProvisionError('refused', message);
    }
    await this.#call('PATCH', path, { spec: { replicas: Math.max(0, spec.replicas + difference) } });
  }

  async #call(method: 'GET' | 'PATCH', path: string, body?: object): Promise<unknown> {
    const { url, token } = this.#options;
    let status: number;
    let text: string;
    try {
      const response = await request(new URL(path, url), {
        method,
        dispatcher: this.#agent,
        headers: {
          authorization: `Bearer ${token()}`,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/merge-patch+json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      status = response.statusCode;
      text = await response.body.text();
    } catch (cause) {
      throw new ProvisionError('unreachable', `the API server at ${url} does not answer`, { cause });
    }
    if (status >= 300) {
      throw new ProvisionError('refused', `${method} ${path}: ${status} ${messageOf(text)}`.trimEnd());
    }
    return JSON.parse(text) as unknown;
  }
}

/** Kubernetes says why in a Status object. */
function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? message.slice(0, 300) : '';
  } catch {
    return '';
  }
}
