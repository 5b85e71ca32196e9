import type { Clock, Timer } from '../../kernel/index.ts';
import type { Binding, BindingStore, Endpoint, UserAgent } from '../../sip/index.ts';

export interface PhoneKeepAlivesParts {
  /** Not owned. */
  readonly bindings: Pick<BindingStore, 'all'>;
  readonly userAgent: Pick<UserAgent, 'keepAlive'>;
  readonly clock: Clock;
  /** This node: every node keeps the ways of the phones that registered with it. */
  readonly node: string;
}

/** How often new and expired registrations are looked for, milliseconds: less than any NAT forgets in. */
const LOOK_MS = 5_000;

/**
 * Keeps the ways to registered phones open that speak UDP from behind a NAT, where the Contact is not what the REGISTER
 * came from: by CRLF, as RFC 5626 section 3.5.1 has it for connections. Phones that speak over connections keep these
 * themselves. Lifetime: from creation to `close()`.
 */
export class PhoneKeepAlives {
  readonly #parts: PhoneKeepAlivesParts;
  /** By address and port: several lines of a phone need one. */
  readonly #kept = new Map<string, () => void>();
  #timer: Timer | undefined;

  constructor(parts: PhoneKeepAlivesParts) {
    this.#parts = parts;
    this.#follow();
  }

  /** Phones that are kept reachable, for leak checks. */
  get size(): number {
    return this.#kept.size;
  }

  /** Idempotent. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const stop of this.#kept.values()) stop();
    this.#kept.clear();
  }

  #follow(): void {
    const { userAgent, clock } = this.#parts;
    const wanted = this.#wanted();
    for (const [key, stop] of this.#kept) {
      if (wanted.has(key)) continue;
      stop();
      this.#kept.delete(key);
    }
    for (const [key, endpoint] of wanted) {
      if (!this.#kept.has(key)) this.#kept.set(key, userAgent.keepAlive(endpoint));
    }
    this.#timer = clock.setTimer(LOOK_MS, () => {
      this.#follow();
    });
  }

  #wanted(): Map<string, Endpoint> {
    const { bindings, clock, node } = this.#parts;
    const now = clock.now();
    const wanted = new Map<string, Endpoint>();
    for (const record of bindings.all()) {
      for (const binding of record.bindings) {
        if (binding.node !== node || binding.expiresAt <= now || !isBehindNat(binding)) continue;
        const { received } = binding;
        wanted.set(`${received.address} ${String(received.port)}`, received);
      }
    }
    return wanted;
  }
}

/** Over UDP, and it says that it is elsewhere than where it sends from. */
function isBehindNat({ contact, received, overFlow }: Binding): boolean {
  if (!overFlow || received.protocol !== 'udp') return false;
  const [, host = '', port = '5060'] = /^sips?:(?:[^@]*@)?(\[[^\]]*\]|[^:;?]+)(?::(\d+))?/i.exec(contact) ?? [];
  return host.replace(/^\[|\]$/g, '') !== received.address || Number(port) !== received.port;
}
