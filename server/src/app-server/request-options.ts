/** What counts as a reason to try again. */
export type RetryPolicy = '4xx' | '5xx' | 'ct' | 'rt';

/** How one request is made. Milliseconds. */
export interface RequestOptions {
  /** Until the connection (with TLS) is up; 100-10,000, default 5,000. */
  readonly connectMs: number;
  /** Without a byte from the server; 100-15,000, default 15,000. */
  readonly readMs: number;
  /** For everything, retries and redirects included; 100-15,000, default 15,000. */
  readonly totalMs: number;
  /** Further attempts after the first; 0-5, default 1. */
  readonly retries: number;
  /** Default: `ct`, a connection that could not be made. */
  readonly retryOn: ReadonlySet<RetryPolicy>;
  /** How the parameters of a POST are sent; default `form`. */
  readonly format: 'form' | 'json';
}

const POLICIES = ['4xx', '5xx', 'ct', 'rt'] as const;

/**
 * Options from an address's fragment, as `https://host/path#ct=2000&rc=2&rp=5xx,ct`: `ct` connect, `rt` read, `tt` total,
 * `rc` retries, `rp` retry policies (`all` for every one), `pf=json` for parameters as a JSON object. A value out of its range or not a number is ignored.
 * The fragment is never sent and never signed.
 */
export function requestOptions(fragment: string): RequestOptions {
  const given = new URLSearchParams(fragment.replace(/^#/, ''));
  const number = (name: string, range: { min: number; max: number; otherwise: number }): number => {
    const text = given.get(name);
    if (text === null || !/^\d{1,6}$/.test(text)) return range.otherwise;
    const value = Number(text);
    return value >= range.min && value <= range.max ? value : range.otherwise;
  };
  return {
    connectMs: number('ct', { min: 100, max: 10_000, otherwise: 5000 }),
    readMs: number('rt', { min: 100, max: 15_000, otherwise: 15_000 }),
    totalMs: number('tt', { min: 100, max: 15_000, otherwise: 15_000 }),
    retries: number('rc', { min: 0, max: 5, otherwise: 1 }),
    retryOn: policies(given.get('rp')),
    format: given.get('pf') === 'json' ? 'json' : 'form',
  };
}

function policies(text: string | null): ReadonlySet<RetryPolicy> {
  const words = (text ?? '').split(',').map((word) => word.trim().toLowerCase());
  if (words.includes('all')) return new Set(POLICIES);
  const known = POLICIES.filter((policy) => words.includes(policy));
  return new Set(known.length === 0 ? ['ct'] : known);
}
