/** Parts of the usage of an account. */
export type UsageSubresource =
  'Daily' | 'Monthly' | 'Yearly' | 'AllTime' | 'Today' | 'Yesterday' | 'ThisMonth' | 'LastMonth';

/** Days (YYYY-MM-DD, UTC) that are looked at, both included, and how they are put together. */
export interface UsageSpan {
  readonly from?: string | undefined;
  readonly until?: string | undefined;
  /** First and last day of the row that a day belongs to; undefined: one row for all. */
  readonly period?: ((day: string) => readonly [string, string]) | undefined;
}

const DAY_MS = 86_400_000;
const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);
export const today = (now: number): string => dayOf(now);

/** @param given as in the request: a day, or `-30days` */
export function subresourceSpan(
  subresource: UsageSubresource | undefined,
  now: number,
  given: { readonly from?: string | undefined; readonly until?: string | undefined },
): UsageSpan {
  const from = dayFrom(given.from, now);
  const until = dayFrom(given.until, now);
  const date = new Date(now);
  const monthStart = (offset: number): number => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + offset, 1);
  switch (subresource) {
    case undefined:
    case 'AllTime':
      return { from, until };
    case 'Daily':
      return { from, until, period: (day) => [day, day] };
    case 'Monthly':
      return { from, until, period: monthOf };
    case 'Yearly':
      return { from, until, period: (day) => [`${day.slice(0, 4)}-01-01`, `${day.slice(0, 4)}-12-31`] };
    case 'Today':
      return { from: dayOf(now), until: dayOf(now) };
    case 'Yesterday':
      return { from: dayOf(now - DAY_MS), until: dayOf(now - DAY_MS) };
    case 'ThisMonth':
      return { from: dayOf(monthStart(0)), until: dayOf(now) };
    case 'LastMonth':
      return { from: dayOf(monthStart(-1)), until: dayOf(monthStart(0) - DAY_MS) };
  }
}

function monthOf(day: string): readonly [string, string] {
  const [year = 0, month = 1] = day.split('-').map(Number);
  return [`${day.slice(0, 7)}-01`, dayOf(Date.UTC(year, month, 1) - DAY_MS)];
}

function dayFrom(text: string | undefined, now: number): string | undefined {
  const days = /^([+-]\d+)days$/.exec(text ?? '')?.[1];
  return days === undefined ? text : dayOf(now + Number(days) * DAY_MS);
}

/** First day of the period that a trigger counts in; undefined: it counts everything. */
export function triggerPeriod(recurring: 'daily' | 'monthly' | 'yearly' | null, now: number): string | undefined {
  const day = dayOf(now);
  switch (recurring) {
    case 'daily':
      return day;
    case 'monthly':
      return `${day.slice(0, 7)}-01`;
    case 'yearly':
      return `${day.slice(0, 4)}-01-01`;
    case null:
      return undefined;
  }
}
