import { Agent } from 'undici';

/** Connection pools kept, one for each connect time-out in use. */
const MAX_AGENTS = 8;

/** Connections to application servers, kept open between requests. */
export class Agents {
  readonly #agents = new Map<number, Agent>();
  readonly #ca: string | undefined;
  #closing: Promise<void> | undefined;

  /** @param ca certificate authorities trusted besides the system's, PEM */
  constructor(ca: string | undefined) {
    this.#ca = ca;
  }

  for(connectMs: number): Agent {
    const known = this.#agents.get(connectMs);
    if (known !== undefined) return known;
    const ca = this.#ca;
    const agent = new Agent({ connect: { timeout: connectMs, ...(ca === undefined ? {} : { ca }) } });
    const oldest = this.#agents.size >= MAX_AGENTS ? [...this.#agents.keys()][0] : undefined;
    if (oldest !== undefined) {
      // Finishes what it has under way, then goes.
      void this.#agents.get(oldest)?.close();
      this.#agents.delete(oldest);
    }
    this.#agents.set(connectMs, agent);
    return agent;
  }

  /** Gives up what is under way. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#agents.values()].map((agent) => agent.destroy())).then(() => undefined);
    return this.#closing;
  }
}
