import { filterFromQuery, parseTopic, readPosition, rewindSchema } from '@hookswitch/shared';
import type { Filter, Position, Rewind } from '@hookswitch/shared';
import { HttpRefusal } from './refusal.ts';

/** Topics of one request at most. */
export const MAX_TOPICS = 100;

/** As the HTTP server parsed it: a name that comes more than once has a list. */
export type Query = Readonly<Record<string, unknown>>;
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What an HTTP subscriber asks for. */
export interface SubscriptionQuery {
  /** Normalised, each once. */
  readonly topics: readonly string[];
  readonly position: Position | undefined;
  readonly rewind: Rewind | undefined;
  readonly filter: Filter | undefined;
}

/**
 * The token of a request: `Authorization: Bearer`, else the parameter `access_token`, for clients that cannot set headers
 * (RFC 6750 sections 2.1 and 2.3).
 *
 * @throws HttpRefusal `tokenInvalid`
 */
export function readToken(headers: Headers, query: Query): string {
  const { authorization } = headers;
  const bearer = typeof authorization === 'string' ? /^bearer +([^\s]+)\s*$/i.exec(authorization)?.[1] : undefined;
  const token = bearer ?? query['access_token'];
  if (typeof token === 'string' && token !== '' && token.length <= 16_384) return token;
  throw new HttpRefusal('tokenInvalid', 'send an access token: Authorization: Bearer TOKEN, or ?access_token=TOKEN');
}

/**
 * `topic` (one or more), the filter's members, `rewind` (count) and `since` (epoch milliseconds).
 *
 * @param after where to resume, as the client was told it; undefined or empty: from now on
 * @throws HttpRefusal `badTopic`, `badFrame`
 */
export function readSubscription(query: Query, after: unknown): SubscriptionQuery {
  const topics = topicsIn(query['topic']);
  if (topics.length === 0) throw new HttpRefusal('badTopic', 'name at least one topic: ?topic=calls.>');
  if (topics.length > MAX_TOPICS) throw new HttpRefusal('badFrame', `at most ${MAX_TOPICS} topics in one request`);
  const filter = filterFromQuery(query);
  if (!filter.ok) throw new HttpRefusal('badFrame', filter.problem);
  return { topics, filter: filter.filter, position: positionIn(after), rewind: rewindIn(query) };
}

/** A whole number within bounds. @throws HttpRefusal `badFrame` */
export function readNumber(query: Query, name: string, bounds: { min: number; max: number; default: number }): number {
  const given = query[name];
  if (given === undefined || given === '') return bounds.default;
  const value = typeof given === 'string' && /^[0-9]{1,9}$/.test(given) ? Number(given) : Number.NaN;
  if (value >= bounds.min && value <= bounds.max) return value;
  throw new HttpRefusal('badFrame', `${name} is a whole number from ${bounds.min} to ${bounds.max}`);
}

/** Normalised, each once. */
function topicsIn(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value];
  const topics = new Set<string>();
  for (const text of list) {
    const parsed = parseTopic(typeof text === 'string' ? text : '', { wildcards: true });
    if (!parsed.ok) throw new HttpRefusal('badTopic', `'${String(text).slice(0, 100)}': ${parsed.problem}`);
    topics.add(parsed.topic);
  }
  return [...topics];
}

/** One that is not ours (of another server, say) is like one that is not kept any more: the client is told of a gap. */
function positionIn(text: unknown): Position | undefined {
  if (typeof text !== 'string' || text === '') return undefined;
  return readPosition(text) ?? { epoch: 'unknown', seq: 0 };
}

function rewindIn(query: Query): Rewind | undefined {
  const given = { count: numberIn(query['rewind']), since: numberIn(query['since']) };
  if (given.count === undefined && given.since === undefined) return undefined;
  const parsed = rewindSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new HttpRefusal('badFrame', 'rewind is a count from 1 to 1000, since is a time in epoch milliseconds');
}

function numberIn(value: unknown): number | undefined {
  return value === undefined || value === '' ? undefined : Number(value);
}
