import { Agent, request } from 'undici';
import { ProvisionError } from './errors.ts';
import type { Provisioner, ProvisionedNode } from './ports.ts';

const TIMEOUT_MS = 30_000;

export interface WebhookProvisionerOptions {
  readonly url: string;
  readonly role: string;
  /** Sent as bearer token (default: none). */
  readonly token?: string | undefined;
}

/**
 * A web service of the operator: `POST {"action": "start"|"stop", "role", "node"?}`, answered 2xx when it is done or under
 * way. The nodes it makes need `HOOKSWITCH_PROVISIONER=webhook`.
 */
export class WebhookProvisioner implements Provisioner {
  readonly name = 'webhook';
  readonly #options: WebhookProvisionerOptions;
  readonly #agent = new Agent({ headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS, connectTimeout: TIMEOUT_MS });

  constructor(options: WebhookProvisionerOptions) {
    this.#options = options;
  }

  start(): Promise<void> {
    return this.#post({ action: 'start' });
  }

  stop(node: ProvisionedNode): Promise<void> {
    return this.#post({ action: 'stop', node });
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #post(body: object): Promise<void> {
    const { url, role, token } = this.#options;
    let status: number;
    try {
      const response = await request(url, {
        method: 'POST',
        dispatcher: this.#agent,
        headers: {
          'content-type': 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify({ role, ...body }),
      });
      status = response.statusCode;
      await response.body.dump();
    } catch (cause) {
      throw new ProvisionError('unreachable', `the provisioner at ${new URL(url).host} does not answer`, { cause });
    }
    if (status >= 300) {
      throw new ProvisionError('refused', `the provisioner at ${new URL(url).host} answered ${status}`);
    }
  }
}
