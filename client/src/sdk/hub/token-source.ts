import { HookswitchError, clientError, toHookswitchError } from '../kit/index.ts';

/** A token, or a function that fetches one from your application server. It is called again whenever a new one is needed. */
export type TokenOption = string | (() => string | Promise<string>);

/** Keeps the token in use. Several requests for a new one share one call of the provider. */
export class TokenSource {
  #option: TokenOption;
  #current: string | undefined;
  #fetching: Promise<string> | undefined;

  constructor(option: TokenOption) {
    this.#option = option;
  }

  /** Whether a new token can be had without the application's doing. */
  get canRefresh(): boolean {
    return typeof this.#option === 'function';
  }

  /** Replaces the token or the provider. */
  set(option: TokenOption): void {
    this.#option = option;
    this.#current = undefined;
    this.#fetching = undefined;
  }

  /**
   * @param fresh ask the provider even when there is a token
   * @throws HookswitchError `tokenExpired` when a fresh one is needed and there is no provider, `tokenProviderFailed`, or
   * the HookswitchError that the provider threw
   */
  async get(fresh: boolean): Promise<string> {
    const option = this.#option;
    if (typeof option === 'string') {
      if (fresh && this.#current === option) throw clientError('tokenExpired');
      return (this.#current = option);
    }
    if (!fresh && this.#current !== undefined) return this.#current;
    const fetching = (this.#fetching ??= this.#fetch(option));
    try {
      return await fetching;
    } finally {
      if (this.#fetching === fetching) this.#fetching = undefined;
    }
  }

  async #fetch(provider: () => string | Promise<string>): Promise<string> {
    try {
      const token = await provider();
      if (this.#option === provider) this.#current = token;
      return token;
    } catch (error) {
      if (error instanceof HookswitchError) throw error;
      throw toHookswitchError(error, 'tokenProviderFailed');
    }
  }
}
