import { Emitter } from '../../kernel/index.ts';
import type { Unsubscribe } from '../../kernel/index.ts';
import type { BridgeRequest, BridgeRequestStore, HeldRequest } from './ports.ts';

/** Bridge requests in memory, for one process. */
export class MemoryBridgeRequestStore implements BridgeRequestStore {
  readonly #held = new Map<string, HeldRequest>();
  readonly #emitter = new Emitter<{ change: BridgeRequest }>(() => undefined);
  #revision = 0;

  create(request: BridgeRequest): Promise<void> {
    this.#write(request);
    return Promise.resolve();
  }

  get(accountSid: string, sid: string): Promise<HeldRequest | undefined> {
    return Promise.resolve(this.#held.get(`${accountSid} ${sid}`));
  }

  replace(request: BridgeRequest, revision: number): Promise<boolean> {
    const isCurrent = this.#held.get(`${request.accountSid} ${request.sid}`)?.revision === revision;
    if (isCurrent) this.#write(request);
    return Promise.resolve(isCurrent);
  }

  known(): BridgeRequest[] {
    return [...this.#held.values()].map(({ request }) => request);
  }

  onChange(listener: (request: BridgeRequest) => void): Unsubscribe {
    return this.#emitter.on('change', listener);
  }

  #write(request: BridgeRequest): void {
    this.#held.set(`${request.accountSid} ${request.sid}`, { request, revision: ++this.#revision });
    this.#emitter.emit('change', request);
  }
}
