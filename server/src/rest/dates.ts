import { RestError } from './errors.ts';

/** As 2010-04-01 resources show times: `Tue, 31 Aug 2010 20:36:28 +0000`. @param time RFC 3339 or milliseconds */
export function rfc2822(time: string | number): string {
  if (typeof time !== 'string' || time.length !== 24) return slowRfc2822(time);
  // Lists have the same few days over and over.
  const day = time.slice(0, 10);
  let shown = DAYS.get(day);
  if (shown === undefined) {
    shown = slowRfc2822(time).slice(0, 17);
    if (DAYS.size >= MAX_DAYS) DAYS.clear();
    DAYS.set(day, shown);
  }
  return `${shown}${time.slice(11, 19)} +0000`;
}

/** Days as they are shown, with the blank behind them: `Tue, 31 Aug 2010 `. */
const DAYS = new Map<string, string>();
const MAX_DAYS = 4096;

const slowRfc2822 = (time: string | number): string => new Date(time).toUTCString().replace(/GMT$/, '+0000');

/** As /v1 resources show times: `2010-08-31T20:36:28Z`. @param time RFC 3339 or milliseconds */
export function iso8601(time: string | number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** A span of time, milliseconds since the epoch; undefined: open on that side. */
export interface TimeRange {
  readonly from: number | undefined;
  /** Exclusive. */
  readonly until: number | undefined;
}

/**
 * The filters `Name`, `Name<` and `Name>` of a list, as in `?StartTime>=2024-01-01`: a date means the whole day (UTC), a
 * time its second. Both bounds include what they name.
 *
 * @throws RestError `badRequest`
 */
export function timeRange(query: Readonly<Record<string, unknown>>, name: string): TimeRange {
  const read = (parameter: string): TimeRange | undefined => {
    const value = query[parameter];
    return value === undefined ? undefined : span(parameter, value);
  };
  const [at, least, most] = [read(name), read(`${name}>`), read(`${name}<`)];
  return {
    from: max(at?.from, least?.from),
    until: min(at?.until, most?.until),
  };
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})?$/;

function span(parameter: string, value: unknown): TimeRange {
  const text = typeof value === 'string' ? value.trim().replace(' ', '+') : '';
  const isDay = DAY.test(text);
  const time = isDay || TIME.test(text) ? Date.parse(withZone(text, isDay)) : Number.NaN;
  // Date.parse takes the 31st of February for a day in March.
  const real = isDay && !Number.isNaN(time) ? new Date(time).toISOString().startsWith(text) : !Number.isNaN(time);
  if (!real) throw new RestError('badRequest', `${parameter}: expected YYYY-MM-DD or an ISO 8601 time`);
  const from = isDay ? time : Math.floor(time / 1000) * 1000;
  return { from, until: from + (isDay ? 86_400_000 : 1000) };
}

const withZone = (text: string, isDay: boolean): string =>
  isDay ? `${text}T00:00:00Z` : /(Z|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text}Z`;

const max = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
const min = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
