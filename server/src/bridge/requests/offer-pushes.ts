import type { BridgeOffer } from '@hookswitch/shared';
import type { ExtensionConnection } from '../../gateway/ports.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import { offerOf } from './bridge-requests.ts';
import type { BridgeRequests } from './bridge-requests.ts';
import type { BridgeRequest } from './ports.ts';

/** Tells the registered devices of this gateway of the requests that their identities may answer. The caller closes it. */
export class OfferPushes {
  readonly #requests: BridgeRequests;
  readonly #off: Unsubscribe;
  /** Connections by account and identity. */
  readonly #devices = new Map<string, Set<ExtensionConnection>>();

  constructor(requests: BridgeRequests) {
    this.#requests = requests;
    this.#off = requests.onChange((request) => {
      this.#tell(request);
    });
  }

  /** From now on the connection is told. @returns what is offered already */
  add(connection: ExtensionConnection, identity: string): readonly BridgeOffer[] {
    const { accountSid } = connection.grants;
    const key = keyOf({ accountSid, identity });
    const devices = this.#devices.get(key) ?? new Set();
    devices.add(connection);
    this.#devices.set(key, devices);
    return this.#requests.offers({ accountSid, identity });
  }

  remove({ id, grants: { accountSid, identity = '' } }: ExtensionConnection): void {
    const key = keyOf({ accountSid, identity });
    const devices = this.#devices.get(key);
    for (const device of devices ?? []) if (device.id === id) devices?.delete(device);
    if (devices?.size === 0) this.#devices.delete(key);
  }

  close(): void {
    this.#off();
    this.#devices.clear();
  }

  #tell(request: BridgeRequest): void {
    const { identity, status, sid: requestSid } = request;
    if (!request.announced) return;
    for (const device of this.#devices.get(keyOf(request)) ?? []) {
      // A token may be narrowed while its connection lives.
      if (!device.grants.voice.incoming || device.grants.identity !== identity) continue;
      if (status === 'pending') device.push({ type: 'bridge-request', ...offerOf(request) });
      else device.push({ type: 'bridge-request-closed', requestSid, status });
    }
  }
}

function keyOf({ accountSid, identity }: { readonly accountSid: string; readonly identity: string }): string {
  return `${accountSid} ${identity}`;
}
