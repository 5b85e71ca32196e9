import CachePolicy from 'http-cache-semantics';
import type { Clock } from '../../kernel/index.ts';

/** Header fields by lower-case name. */
export type HeaderFields = Readonly<Record<string, string>>;

/** A request as an origin sees it, with the directives of whoever asks us. */
export interface AskedFor {
  readonly url: string;
  readonly headers: HeaderFields;
}

/** A stored response's policy as JSON, for the catalogue. */
export type StoredPolicy = Readonly<Record<string, unknown>>;

/**
 * What a cache may do with a stored response now. `fresh`: give it out. `stale`: give it out; `refresh` says whether to ask the origin
 * behind that. `ask`: the origin first.
 */
export type Verdict =
  { readonly use: 'fresh' } | { readonly use: 'stale'; readonly refresh: boolean } | { readonly use: 'ask' };

/** A response without any word on its life, and without Last-Modified, is fresh for this long: a looped prompt is fetched once. */
const UNSTATED_FRESH_SECONDS = 10;

/** Of a 304 these say nothing about what is stored (RFC 9111 section 3.2). */
const NOT_UPDATED = new Set(['content-length', 'content-encoding', 'transfer-encoding', 'content-range']);
const ERRORS = new Set([500, 502, 503, 504]);

/**
 * RFC 9111 for one stored response, as a shared cache: http-cache-semantics with what it leaves out. Directive names in any case; a
 * response with must-revalidate is used while it is fresh, and never stale; a 304 adds fields as well as it replaces them.
 *
 * DEVIATION: RFC 9111 section 4.2.3 also makes the age from Date, by the origin's clock; ours counts from the arrival, so that an
 * origin whose clock is wrong does not make everything stale.
 * DEVIATION: the response of the last redirect decides; the redirects' own lives do not.
 */
export class Freshness {
  readonly #policy: CachePolicy;
  readonly #clock: Clock;

  private constructor(policy: CachePolicy, clock: Clock) {
    this.#policy = policy;
    this.#clock = clock;
  }

  static ofResponse(
    asked: AskedFor,
    response: { readonly status: number; readonly headers: HeaderFields },
    clock: Clock,
  ): Freshness {
    const headers = withStatedLife(normalised(response.headers));
    const control = headers['cache-control'];
    // To a shared cache both say the same, but for what they let it store of requests with credentials.
    if (control !== undefined && asked.headers['authorization'] === undefined) {
      headers['cache-control'] = control.replaceAll('proxy-revalidate', 'must-revalidate');
    }
    const Policy = policyFor(clock);
    return new Freshness(new Policy(requestOf(asked), { status: response.status, headers }, { shared: true }), clock);
  }

  /** @throws Error when it was not made by `toJSON` */
  static fromStored(stored: StoredPolicy, clock: Clock): Freshness {
    return new Freshness(policyFor(clock).fromObject(stored as unknown as CachePolicy.CachePolicyObject), clock);
  }

  toJSON(): StoredPolicy {
    return this.#policy.toObject() as unknown as StoredPolicy;
  }

  get storable(): boolean {
    // A response that varies with everything never matches again.
    return this.#policy.storable() && this.#fields['vary']?.trim() !== '*';
  }

  /** Whether it answers this request at all (Vary, RFC 9111 section 4.1), however old. */
  matches(asked: AskedFor): boolean {
    const object = this.#policy.toObject();
    const fresh = {
      ...object,
      t: this.#clock.now(),
      rescc: { 'max-age': '60' },
      resh: without(object.resh, 'age', 'pragma', 'set-cookie', 'expires'),
    };
    const anyLife = policyFor(this.#clock).fromObject(fresh);
    return anyLife.satisfiesWithoutRevalidation(
      requestOf({ url: asked.url, headers: without(asked.headers, 'cache-control', 'pragma') }),
    );
  }

  evaluate(asked: AskedFor): Verdict {
    const request = requestOf(asked);
    const object = this.#policy.toObject();
    const strict = 'must-revalidate' in object.rescc;
    if (strict && this.#policy.stale() && this.staleSeconds > 0) return { use: 'ask' };
    const rescc = without(object.rescc, 'must-revalidate');
    const usable = strict ? policyFor(this.#clock).fromObject({ ...object, rescc }) : this.#policy;
    const { response, revalidation } = usable.evaluateRequest(request);
    if (response === undefined) return { use: 'ask' };
    if (!usable.stale()) return { use: 'fresh' };
    return strict ? { use: 'ask' } : { use: 'stale', refresh: revalidation !== undefined };
  }

  /** Whether it may stand in for an error of the origin (RFC 5861 section 4): its own word, or the request's. */
  standsInForError(asked: AskedFor): boolean {
    const { rescc } = this.#policy.toObject();
    if ('must-revalidate' in rescc || 'proxy-revalidate' in rescc || 'no-cache' in rescc) return false;
    const allowed = Math.max(seconds(rescc['stale-if-error']), directive(asked.headers, 'stale-if-error'));
    return allowed > 0 && this.staleSeconds < allowed;
  }

  /** What to add to the request so that the origin may answer 304. Empty: it gave nothing to go by. */
  validators(): HeaderFields {
    const { etag, 'last-modified': modified } = this.#fields;
    return {
      ...(etag === undefined ? {} : { 'if-none-match': etag }),
      ...(modified === undefined ? {} : { 'if-modified-since': modified }),
    };
  }

  /** The origin said 304. Undefined: of something else than what is stored, so that it has to be asked without conditions. */
  updatedBy(asked: AskedFor, headers: HeaderFields): Freshness | undefined {
    const update = normalised(headers);
    const weak = (tag: string): string => tag.replace(/^\s*W\//, '');
    const { etag } = this.#fields;
    if (update['etag'] !== undefined && weak(update['etag']) !== weak(etag ?? '')) return undefined;
    const kept = Object.fromEntries(Object.entries(update).filter(([name]) => !NOT_UPDATED.has(name)));
    const merged = { ...without(this.#fields, 'age'), ...kept } as HeaderFields;
    return Freshness.ofResponse(asked, { status: this.#policy.toObject().st, headers: merged }, this.#clock);
  }

  get ageSeconds(): number {
    return Math.max(0, Math.round(this.#policy.age()));
  }

  /** Left until it is stale; 0 when it is. */
  get freshSeconds(): number {
    return Math.max(0, Math.floor(this.#policy.maxAge() - this.#policy.age()));
  }

  /** Beyond its life; 0 while it is fresh. */
  get staleSeconds(): number {
    return Math.max(0, this.#policy.age() - this.#policy.maxAge());
  }

  get lastModified(): string | undefined {
    return this.#fields['last-modified'];
  }

  get #fields(): Readonly<Partial<Record<string, string>>> {
    return this.#policy.toObject().resh as Partial<Record<string, string>>;
  }
}

/** A response that says the origin is in trouble, not that the resource is (RFC 5861 section 4). */
export function isOriginTrouble(status: number): boolean {
  return ERRORS.has(status);
}

/** Seconds of a directive of Cache-Control; 0 when it is not there or says nothing. */
export function directive(headers: HeaderFields, name: string): number {
  return seconds(new RegExp(`(?:^|[,\\s])${name}\\s*=\\s*"?(\\d+)`, 'i').exec(headers['cache-control'] ?? '')?.[1]);
}

/** Whether Cache-Control has this directive, with or without a value. */
export function hasDirective(headers: HeaderFields, name: string): boolean {
  return new RegExp(`(?:^|[,\\s])${name}(?:$|[,\\s=])`, 'i').test(headers['cache-control'] ?? '');
}

const seconds = (text: string | undefined): number => {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 ? value : 0;
};

type PolicyClass = new (...args: ConstructorParameters<typeof CachePolicy>) => CachePolicy;
const classes = new WeakMap<Clock, PolicyClass & Pick<typeof CachePolicy, 'fromObject'>>();

/** The library's class by our clock. It asks for the time while it is being constructed: so a class for each clock. */
function policyFor(clock: Clock): PolicyClass & Pick<typeof CachePolicy, 'fromObject'> {
  let Policy = classes.get(clock);
  if (Policy === undefined) {
    Policy = class extends CachePolicy {
      now(): number {
        return clock.now();
      }
    };
    classes.set(clock, Policy);
  }
  return Policy;
}

function requestOf({ url, headers }: AskedFor): CachePolicy.HttpRequest {
  return { url, method: 'GET', headers: normalised(headers) };
}

function normalised(headers: HeaderFields): Record<string, string> {
  const { 'cache-control': control, ...rest } = headers;
  return control === undefined ? { ...rest } : { ...rest, 'cache-control': control.toLowerCase() };
}

function without<T>(fields: Readonly<Record<string, T>>, ...names: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

/** RFC 9111 section 4.2.2: a life of our own where the origin says nothing that it could be computed from. */
function withStatedLife(given: Record<string, string>): Record<string, string> {
  const headers = { ...given };
  const control = headers['cache-control'] ?? '';
  const stated = /(?:max-age|s-maxage|no-cache|no-store|private|immutable)/.test(control);
  if (stated || ['expires', 'last-modified', 'pragma'].some((name) => headers[name] !== undefined)) return headers;
  const life = `max-age=${String(UNSTATED_FRESH_SECONDS)}`;
  return { ...headers, 'cache-control': control === '' ? life : `${control}, ${life}` };
}
