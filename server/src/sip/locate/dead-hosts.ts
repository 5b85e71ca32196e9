import type { Clock } from '../../kernel/index.ts';
import type { Endpoint } from '../transport/index.ts';

const DEFAULT_MS = 30_000;
const LONGEST_MS = 300_000;
const MAX_HOSTS = 1_000;

/**
 * Who did not answer lately, so that the next request does not wait for them again (RFC 3263 section 4.3). They are asked
 * last, not never. At most 1 000 are remembered, the oldest is forgotten first.
 */
export class DeadHosts {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#until.size;
  }

  /** @param forMs how long to avoid it (default 30 s, at most 300 s) */
  note(endpoint: Endpoint, forMs = DEFAULT_MS): void {
    const key = keyOf(endpoint);
    this.#until.delete(key);
    this.#until.set(key, this.#clock.monotonic() + Math.min(forMs, LONGEST_MS));
    const [oldest] = this.#until.keys();
    if (oldest !== undefined && this.#until.size > MAX_HOSTS) this.#until.delete(oldest);
  }

  /** It has answered. */
  forget(endpoint: Endpoint): void {
    if (this.#until.size > 0) this.#until.delete(keyOf(endpoint));
  }

  isDead(endpoint: Endpoint): boolean {
    if (this.#until.size === 0) return false;
    const key = keyOf(endpoint);
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > this.#clock.monotonic()) return true;
    this.#until.delete(key);
    return false;
  }

  /** The same endpoints, the dead ones last. */
  livingFirst(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    if (this.#until.size === 0 || endpoints.length < 2) return endpoints;
    const dead = endpoints.filter((endpoint) => this.isDead(endpoint));
    return dead.length === 0 ? endpoints : [...endpoints.filter((endpoint) => !dead.includes(endpoint)), ...dead];
  }
}

function keyOf({ protocol, address, port }: Endpoint): string {
  return `${protocol}|${address}|${port}`;
}
