import { compileFilter, filterKey, fitsWithin, patternIsSubset } from '@hookswitch/shared';
import type { Filter, Grants } from '@hookswitch/shared';
import type { LoggedEvent } from './ports.ts';

/** What a subscription is limited to, beside its topic. */
export interface Restriction {
  /** What the subscriber asked for. */
  readonly asked?: Filter | undefined;
  /** What its token grants: an event has to match one of these. Undefined: everything under the topic. */
  readonly granted?: readonly Filter[] | undefined;
}

export type Allowance =
  { readonly ok: true; readonly restriction: Restriction } | { readonly ok: false; readonly problem: string };

/**
 * EV-4 Whether a token lets a subscription of `pattern` (normalised) with the filter `asked` be made, and to what it
 * limits it. Every granted entry whose topic covers the whole pattern counts (a subset test, never a match): without a
 * filter it grants everything; with one, the subscription is limited to it. A filter that asks for a value which no
 * single entry allows is refused, so that nobody takes silence for "nothing happened".
 */
export function allowSubscription(grants: Grants, pattern: string, asked?: Filter): Allowance {
  const covering = grants.subscribe.filter(({ topic }) => patternIsSubset(pattern, topic));
  if (covering.length === 0) return { ok: false, problem: `the token does not grant subscribing to ${pattern}` };
  if (covering.some(({ filter }) => filter === undefined)) return { ok: true, restriction: { asked } };
  const granted = covering.flatMap(({ filter }) =>
    filter !== undefined && fitsWithin(asked ?? {}, filter) ? [filter] : [],
  );
  if (granted.length === 0) {
    return {
      ok: false,
      problem: `the token grants ${pattern} with a filter, and the filter asked for is wider: leave it out, or narrow it`,
    };
  }
  return { ok: true, restriction: { asked, granted } };
}

/** A restriction made ready; the same one for everybody who is limited alike. */
export interface EventFilter {
  /** The same for restrictions that say the same. */
  readonly key: string;
  readonly restriction: Restriction;
  accepts(event: LoggedEvent): boolean;
}

/** Restrictions kept ready; the oldest is forgotten first, which costs nothing but being made again. */
const MAX_KEPT = 10_000;

/**
 * The filters of one process. Subscriptions with equal restrictions share one filter, which looks at an event once
 * however many of them ask: its verdict is remembered as long as the event itself is.
 */
export class EventFilters {
  readonly #kept = new Map<string, SharedFilter>();
  readonly #onEvaluated: () => void;

  /** @param onEvaluated told of every evaluation that no remembered verdict saved */
  constructor(onEvaluated: () => void = () => undefined) {
    this.#onEvaluated = onEvaluated;
  }

  /** Undefined: nothing is left out. */
  of({ asked, granted }: Restriction): EventFilter | undefined {
    if (granted === undefined && (asked === undefined || filterKey(asked) === '[]')) return undefined;
    const parts = [filterKey(asked ?? {}), ...new Set(granted?.map(filterKey).sort())];
    const key = parts.join('\n');
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const filter = new SharedFilter(key, { asked, granted }, this.#onEvaluated);
    this.#kept.set(key, filter);
    if (this.#kept.size > MAX_KEPT) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest);
        break;
      }
    }
    return filter;
  }
}

class SharedFilter implements EventFilter {
  readonly key: string;
  readonly restriction: Restriction;
  readonly #asked: ReturnType<typeof compileFilter>;
  readonly #granted: readonly ReturnType<typeof compileFilter>[] | undefined;
  readonly #onEvaluated: () => void;
  /** Fan-out asks for the same event many times in a row. */
  #last: LoggedEvent | undefined;
  #verdict = false;
  /** Recoveries of several subscribers go through the same recent events. */
  readonly #verdicts = new WeakMap<LoggedEvent, boolean>();

  constructor(key: string, restriction: Restriction, onEvaluated: () => void) {
    const { asked, granted } = restriction;
    this.key = key;
    this.restriction = restriction;
    this.#asked = compileFilter(asked ?? {});
    this.#granted = granted?.map(compileFilter);
    this.#onEvaluated = onEvaluated;
  }

  accepts(event: LoggedEvent): boolean {
    if (event === this.#last) return this.#verdict;
    this.#verdict = this.#verdictOf(event);
    this.#last = event;
    return this.#verdict;
  }

  #verdictOf(logged: LoggedEvent): boolean {
    const known = this.#verdicts.get(logged);
    if (known !== undefined) return known;
    this.#onEvaluated();
    const { event } = logged;
    const verdict = this.#asked(event) && (this.#granted?.some((matches) => matches(event)) ?? true);
    this.#verdicts.set(logged, verdict);
    return verdict;
  }
}
