import { z } from 'zod';
import { FILTER_MEMBERS, stem, valuesOf } from './filter-match.ts';
import type { FilterMember } from './filter-match.ts';

/** Values of one member of a filter at most, and characters of one value. */
export const FILTER_LIMITS = { maxValues: 100, maxValueLength: 256 } as const;

const text = z.string().min(1).max(FILTER_LIMITS.maxValueLength);
const typeName = text.regex(
  /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*(?:\.\*)?$/,
  'an event type such as call.ended, or its beginning and .* as in call.*',
);
const oneOrMore = <T extends z.ZodType<string>>(value: T) =>
  z.union([value, z.array(value).min(1).max(FILTER_LIMITS.maxValues)]).optional();

/**
 * Which events a subscription is given, of those that its topic matches. A member with several values matches any of
 * them; all members given have to match; `{}` matches everything. Unknown members are refused: a misspelt one would
 * let everything through.
 */
export const filterSchema = z
  .strictObject({
    type: oneOrMore(typeName).describe('event types; call.* is every type that begins with call.'),
    call: oneOrMore(text).describe('CallSid of the call or of its parent'),
    number: oneOrMore(text).describe('E.164 number that calls or is called'),
    application: oneOrMore(text).describe('ApplicationSid'),
    identity: oneOrMore(text).describe('identity of a client: whom the event is about, or a party of the call'),
    conference: oneOrMore(text).describe('ConferenceSid'),
    queue: oneOrMore(text).describe('QueueSid'),
  })
  .meta({ id: 'Filter' });
export type Filter = z.infer<typeof filterSchema>;

/**
 * Whether `asked` lets through nothing that `granted` does not: it has every member that `granted` has, and no value
 * of it that `granted` lacks. What it has besides only narrows it further.
 */
export function narrows(asked: Filter, granted: Filter): boolean {
  return FILTER_MEMBERS.every((member) => {
    const allowed = valuesOf(granted, member);
    return allowed === undefined || coveredBy(valuesOf(asked, member), allowed, member);
  });
}

/**
 * Whether `asked` does not ask for more than `granted` in a member that both have. A member that `asked` leaves out asks
 * for what is granted.
 */
export function fitsWithin(asked: Filter, granted: Filter): boolean {
  return FILTER_MEMBERS.every((member) => {
    const allowed = valuesOf(granted, member);
    const wanted = valuesOf(asked, member);
    return allowed === undefined || wanted === undefined || coveredBy(wanted, allowed, member);
  });
}

/** One text for filters that say the same, whatever the order of their members and values. */
export function filterKey(filter: Filter): string {
  return JSON.stringify(
    FILTER_MEMBERS.flatMap((member) => {
      const values = valuesOf(filter, member);
      return values === undefined ? [] : [[member, ...[...new Set(values)].sort()]];
    }),
  );
}

export type ParsedFilter =
  { readonly ok: true; readonly filter: Filter | undefined } | { readonly ok: false; readonly problem: string };

/**
 * The filter in a query string (`?type=call.*&call=CA..&call=CA..`): a member named more than once has several values.
 * Other parameters are left alone. `filter` is undefined when no member is there. A number may be written without
 * escaping its plus sign, which then arrives as a space.
 */
export function filterFromQuery(query: Readonly<Record<string, unknown>>): ParsedFilter {
  const given: Record<string, unknown> = {};
  for (const member of FILTER_MEMBERS) {
    const value = query[member];
    if (value === undefined) continue;
    given[member] = member === 'number' ? withPlus(value) : value;
  }
  if (Object.keys(given).length === 0) return { ok: true, filter: undefined };
  const parsed = filterSchema.safeParse(given);
  if (parsed.success) return { ok: true, filter: parsed.data };
  return { ok: false, problem: describeProblem(parsed.error) };
}

/** The same filter as name and value pairs for a query string. */
export function toQuery(filter: Filter): [name: string, value: string][] {
  return FILTER_MEMBERS.flatMap((member) =>
    (valuesOf(filter, member) ?? []).map((value): [string, string] => [member, value]),
  );
}

function describeProblem(error: z.ZodError): string {
  const issue = error.issues[0];
  const where = issue?.path.map(String).join('.') ?? '';
  return `filter ${where === '' ? '' : `'${where}': `}${issue?.message ?? 'is not valid'}`;
}

function withPlus(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withPlus);
  return typeof value === 'string' && /^ [0-9]+$/.test(value) ? `+${value.slice(1)}` : value;
}

function coveredBy(wanted: readonly string[] | undefined, allowed: readonly string[], member: FilterMember): boolean {
  if (wanted === undefined) return false;
  return wanted.every((value) =>
    allowed.some((one) => value === one || (member === 'type' && one.endsWith('.*') && value.startsWith(stem(one)))),
  );
}
