import type { Clock } from '../../kernel/index.ts';

export interface ScannerGuardOptions {
  readonly clock: Clock;
  /** What an unknown peer gets as long as it is moderate: an answer, or nothing (default `reject`). */
  readonly policy?: 'reject' | 'ignore';
  /** Requests a source may send at once before it is told nothing any more (default 10). */
  readonly burst?: number;
  /** Requests a source gets back a second (default 0.5). */
  readonly perSecond?: number;
  /** Time a source that overdid it is not heard at all, milliseconds (default 600 000; 0: never blocked). */
  readonly blockMs?: number;
  /** Sources remembered (default 10 000). Above it the one not heard of for longest is forgotten. */
  readonly capacity?: number;
}

/**
 * What to do with a request of nobody we know. `refuse`: answer and say why. `silent`: answer nothing, and `first` says
 * whether to log it: each source once, not each packet.
 */
export type GuardVerdict =
  | { readonly kind: 'refuse' }
  | { readonly kind: 'silent'; readonly first: boolean; readonly why: 'policy' | 'scanner' | 'too-many' | 'blocked' };

interface Source {
  tokens: number;
  filledAt: number;
  blockedUntil: number;
  silenced: boolean;
}

/** User agents of well-known scanners: they get nothing, and are blocked at the first packet. */
const SCANNERS =
  /friendly-scanner|friendly-request|sipvicious|sip-?scan|sundayddr|sipsak|sipcli|iwar\b|cisco-?sipgateway\/attack|pplsip|vaxsipuseragent|gulp|eyebeam attack|stormvoip|smap|siparmyknife|testua|inviteflood/i;

/**
 * Token bucket per source address (IPv6: per /64 network, which is what one customer has). Only requests of unknown
 * peers are counted, so that no carrier can be shut out by it; addresses of UDP packets can be forged, therefore a block
 * never concerns a source that a trunk or a phone is known by.
 */
export class ScannerGuard {
  readonly #clock: Clock;
  readonly #policy: 'reject' | 'ignore';
  readonly #burst: number;
  readonly #perMs: number;
  readonly #blockMs: number;
  readonly #capacity: number;
  /** Least recently heard of first. */
  readonly #sources = new Map<string, Source>();

  constructor(options: ScannerGuardOptions) {
    this.#clock = options.clock;
    this.#policy = options.policy ?? 'reject';
    this.#burst = options.burst ?? 10;
    this.#perMs = (options.perSecond ?? 0.5) / 1000;
    this.#blockMs = options.blockMs ?? 600_000;
    this.#capacity = options.capacity ?? 10_000;
  }

  /** Sources remembered. */
  get size(): number {
    return this.#sources.size;
  }

  /** Whether strangers get no answer at all. */
  get ignoresAll(): boolean {
    return this.#policy === 'ignore';
  }

  isScanner(userAgent: string | undefined): boolean {
    return SCANNERS.test(userAgent ?? '');
  }

  /** Whether the source is blocked now; counts nothing. */
  isBlocked(address: string): boolean {
    const source = this.#sources.get(networkOf(address));
    return source !== undefined && source.blockedUntil > this.#clock.monotonic();
  }

  check(address: string, userAgent: string | undefined): GuardVerdict {
    const source = this.#source(address);
    const now = this.#clock.monotonic();
    if (source.blockedUntil > now) return this.#silence(source, 'blocked');
    if (this.isScanner(userAgent)) {
      this.#block(source, now);
      return this.#silence(source, 'scanner');
    }
    source.tokens = Math.min(this.#burst, source.tokens + (now - source.filledAt) * this.#perMs);
    source.filledAt = now;
    if (source.tokens < 1) {
      this.#block(source, now);
      return this.#silence(source, 'too-many');
    }
    source.tokens -= 1;
    if (this.#policy === 'ignore') return this.#silence(source, 'policy');
    return { kind: 'refuse' };
  }

  /** The source has shown who it is: what it asked for before counts no longer. */
  clear(address: string): void {
    this.#sources.delete(networkOf(address));
  }

  #source(address: string): Source {
    const key = networkOf(address);
    const known = this.#sources.get(key);
    if (known !== undefined) {
      this.#sources.delete(key);
      this.#sources.set(key, known);
      return known;
    }
    if (this.#sources.size >= this.#capacity) {
      const [oldest] = this.#sources.keys();
      if (oldest !== undefined) this.#sources.delete(oldest);
    }
    const fresh = { tokens: this.#burst, filledAt: this.#clock.monotonic(), blockedUntil: 0, silenced: false };
    this.#sources.set(key, fresh);
    return fresh;
  }

  #block(source: Source, now: number): void {
    if (this.#blockMs <= 0) return;
    source.blockedUntil = now + this.#blockMs;
    source.silenced = false;
  }

  #silence(source: Source, why: 'policy' | 'scanner' | 'too-many' | 'blocked'): GuardVerdict {
    const first = !source.silenced;
    source.silenced = true;
    return { kind: 'silent', first, why };
  }
}

/** IPv4 as it is (also when mapped into IPv6), IPv6 by its first four groups. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.toLowerCase().split('%')[0]?.split('::') ?? [];
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0');
  return [...front, ...zeros, ...back]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
