/** Which values of a bounded store are whose, the oldest first, so that one account cannot fill it against others. */
export class AccountShares {
  readonly #accounts = new Map<string, { readonly sizes: Map<string, number>; bytes: number }>();

  /** Accounts that have something here. */
  get count(): number {
    return this.#accounts.size;
  }

  bytes(account: string): number {
    return this.#accounts.get(account)?.bytes ?? 0;
  }

  /** Undefined: the account has nothing here. */
  oldest(account: string): string | undefined {
    return this.#accounts.get(account)?.sizes.keys().next().value;
  }

  add(account: string, name: string, size: number): void {
    let own = this.#accounts.get(account);
    if (own === undefined) this.#accounts.set(account, (own = { sizes: new Map(), bytes: 0 }));
    own.bytes += size - (own.sizes.get(name) ?? 0);
    own.sizes.set(name, size);
  }

  remove(account: string, name: string): void {
    const own = this.#accounts.get(account);
    const size = own?.sizes.get(name);
    if (own === undefined || size === undefined) return;
    own.sizes.delete(name);
    own.bytes -= size;
    if (own.sizes.size === 0) this.#accounts.delete(account);
  }
}
