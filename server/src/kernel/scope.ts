/** Why something was closed: a short stable word (`shutdown`, `timeout`) and, if a fault caused it, the fault. */
export interface CloseReason {
  readonly reason: string;
  readonly cause?: unknown;
}

type Release = (reason: CloseReason) => void | Promise<void>;

/**
 * Owner of opened things: sockets, timers, subscriptions, child processes. Releases run once, last added first;
 * closing a parent closes its children. A failing release does not keep the others from running: the failures are
 * gathered and thrown by `close()` when all are done.
 *
 * Lifetime: open from construction to the first `close()`. Adding to a closed scope releases the thing at once.
 */
export class Scope implements AsyncDisposable {
  readonly name: string;
  readonly #releases: Release[] = [];
  readonly #closed = Promise.withResolvers<CloseReason>();
  readonly #abort = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Resolves with the reason when everything has been released. */
  get closed(): Promise<CloseReason> {
    return this.#closed.promise;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Aborts the moment closing begins. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Registers what to do at close. Returns a function that takes the registration back. */
  defer(release: Release): () => void {
    if (this.#closing !== undefined) {
      void Promise.resolve(release({ reason: 'owner-closed' })).catch(() => undefined);
      return () => undefined;
    }
    this.#releases.push(release);
    return () => {
      const at = this.#releases.indexOf(release);
      if (at >= 0) this.#releases.splice(at, 1);
    };
  }

  /** A scope that closes with this one, or earlier by itself. */
  child(name: string): Scope {
    const child = new Scope(`${this.name}/${name}`);
    const forget = this.defer((reason) => child.close(reason.reason, reason.cause));
    void child.closed.then(forget);
    return child;
  }

  /** Idempotent. @throws AggregateError when releases failed, after all of them ran */
  close(reason = 'closed', cause?: unknown): Promise<void> {
    this.#closing ??= this.#release(cause === undefined ? { reason } : { reason, cause });
    return this.#closing;
  }

  async #release(reason: CloseReason): Promise<void> {
    this.#abort.abort(new Error(`${this.name}: ${reason.reason}`));
    const failures: unknown[] = [];
    for (let release = this.#releases.pop(); release !== undefined; release = this.#releases.pop()) {
      try {
        await release(reason);
      } catch (error) {
        failures.push(error);
      }
    }
    this.#closed.resolve(reason);
    if (failures.length > 0)
      throw new AggregateError(failures, `closing ${this.name}: ${String(failures.length)} failed`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close('disposed');
  }
}
