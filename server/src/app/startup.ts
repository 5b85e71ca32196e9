import { Scope } from '../kernel/index.ts';
import type { Log } from '../kernel/index.ts';

/** Runs start-up steps in order; each registers in the scope how it is taken back. */
export class Startup {
  readonly scope: Scope;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #now: () => number;

  constructor(options: {
    readonly name: string;
    readonly log: Log;
    readonly signal: AbortSignal;
    readonly now: () => number;
  }) {
    this.scope = new Scope(options.name);
    this.#log = options.log;
    this.#signal = options.signal;
    this.#now = options.now;
  }

  /**
   * One step. When it fails or the signal came, everything opened so far is closed in reverse order before the error goes on.
   */
  async step<T>(name: string, open: () => Promise<T> | T, close?: (opened: T) => Promise<void> | void): Promise<T> {
    const begin = this.#now();
    try {
      this.#signal.throwIfAborted();
      const opened = await open();
      if (close !== undefined) this.scope.defer(() => this.#close(name, () => close(opened)));
      this.#log.debug({ part: name, ms: Math.round(this.#now() - begin) }, 'started');
      this.#signal.throwIfAborted();
      return opened;
    } catch (error) {
      this.#log.debug({ part: name, err: error }, 'did not start');
      await this.scope.close('start-failed', error).catch((closing: unknown) => {
        this.#log.warn({ err: closing }, 'closing after a failed start');
      });
      throw error;
    }
  }

  async #close(name: string, close: () => Promise<void> | void): Promise<void> {
    const begin = this.#now();
    await close();
    this.#log.debug({ part: name, ms: Math.round(this.#now() - begin) }, 'closed');
  }
}
