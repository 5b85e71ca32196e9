import type { Delegate, DelegateStore } from './ports.ts';

/** Delegates of one process. */
export class MemoryDelegateStore implements DelegateStore {
  readonly #lists = new Map<string, readonly Delegate[]>();

  get(accountSid: string, applicationSid: string): readonly Delegate[] {
    return this.#lists.get(`${accountSid}/${applicationSid}`) ?? [];
  }

  put(accountSid: string, applicationSid: string, delegates: readonly Delegate[]): Promise<void> {
    this.#lists.set(`${accountSid}/${applicationSid}`, delegates);
    return Promise.resolve();
  }

  remove(accountSid: string, applicationSid: string): Promise<void> {
    this.#lists.delete(`${accountSid}/${applicationSid}`);
    return Promise.resolve();
  }
}
