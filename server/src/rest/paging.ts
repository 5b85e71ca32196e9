import { z } from 'zod';
import type { RecordPosition } from '../tenants/index.ts';
import { RestError } from './errors.ts';
import type { PageTokens } from './page-tokens.ts';

export const DEFAULT_PAGE_SIZE = 50;
export const MAX_PAGE_SIZE = 1000;

/** Query parameters of every list. */
export const pageParameters = {
  PageSize: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000_000)
    .optional()
    .describe(`Default ${DEFAULT_PAGE_SIZE}; more than ${MAX_PAGE_SIZE} counts as ${MAX_PAGE_SIZE}`),
  Page: z.coerce.number().int().min(0).max(1_000_000_000).optional().describe('Set by the links of a page'),
  PageToken: z.string().max(512).optional().describe('Set by the links of a page'),
};

/** What to load, see `RecordQuery`. */
export interface PageLoad {
  readonly limit: number;
  readonly after?: RecordPosition;
  readonly before?: RecordPosition;
}

/** A page with its links: path and query. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly page: number;
  readonly pageSize: number;
  readonly self: string;
  readonly first: string;
  readonly next: string | null;
  readonly previous: string | null;
}

/** The request for a page. `url`: path and query as asked for. `owner`: whose list it is. */
export interface PageRequest {
  readonly url: string;
  readonly owner: string;
  readonly query: {
    readonly PageSize?: number | undefined;
    readonly Page?: number | undefined;
    readonly PageToken?: string | undefined;
  };
}

/**
 * One page of a list that is ordered newest first. Pages are found by position, so that records made or removed between
 * two pages neither shift nor double others.
 *
 * @throws RestError `badRequest`
 */
export async function readPage<T extends RecordPosition>(
  tokens: PageTokens,
  { url, owner, query }: PageRequest,
  load: (what: PageLoad) => Promise<readonly T[]>,
): Promise<Page<T>> {
  const pageSize = Math.min(query.PageSize ?? DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
  const page = query.Page ?? 0;
  if (page > 0 && query.PageToken === undefined) {
    throw new RestError('badRequest', 'Page: pages beyond the first are reached by the links of the page before');
  }
  const links = new PageLinks(tokens, { url, owner, pageSize });
  const cursor = query.PageToken === undefined ? undefined : tokens.read(links.scope, query.PageToken);
  // One more than the page has: whether there is a further one.
  const found = await load({ limit: pageSize + 1, ...(cursor && { [cursor.direction]: cursor.position }) });
  const backwards = cursor?.direction === 'before';
  const more = found.length > pageSize;
  const items = backwards ? found.slice(-pageSize) : found.slice(0, pageSize);
  const [newest, oldest] = [items[0], items.at(-1)];
  const hasNext = backwards || more;
  const hasPrevious = backwards ? more : cursor !== undefined;
  return {
    items,
    page,
    pageSize,
    self: url,
    first: links.first(),
    next: hasNext && oldest !== undefined ? links.to(page + 1, 'after', oldest) : null,
    previous: hasPrevious && newest !== undefined ? links.to(Math.max(0, page - 1), 'before', newest) : null,
  };
}

class PageLinks {
  /** What a token is good for: a list of an account with its filters. */
  readonly scope: string;
  readonly #tokens: PageTokens;
  readonly #path: string;
  readonly #filters: URLSearchParams;
  readonly #pageSize: number;

  constructor(tokens: PageTokens, { url, owner, pageSize }: { url: string; owner: string; pageSize: number }) {
    const [path = '', query = ''] = url.split('?', 2);
    this.#tokens = tokens;
    this.#path = path;
    this.#pageSize = pageSize;
    this.#filters = new URLSearchParams(query);
    for (const name of Object.keys(pageParameters)) this.#filters.delete(name);
    this.#filters.sort();
    this.scope = [owner, path, this.#filters.toString()].join('\n');
  }

  first(): string {
    return this.#link({ PageSize: String(this.#pageSize), Page: '0' });
  }

  to(page: number, direction: 'after' | 'before', { createdAt, sid }: RecordPosition): string {
    const token = this.#tokens.make(this.scope, { direction, position: { createdAt, sid } });
    return this.#link({ PageSize: String(this.#pageSize), Page: String(page), PageToken: token });
  }

  #link(parameters: Record<string, string>): string {
    const query = new URLSearchParams(this.#filters);
    for (const [name, value] of Object.entries(parameters)) query.set(name, value);
    return `${this.#path}?${query.toString()}`;
  }
}

/** Members of a 2010-04-01 list beside its items. */
export const legacyPageSchema = {
  page: z.number().int(),
  page_size: z.number().int(),
  start: z.number().int(),
  end: z.number().int(),
  uri: z.string(),
  first_page_uri: z.string(),
  next_page_uri: z.string().nullable(),
  previous_page_uri: z.string().nullable(),
};

/** `start` and `end` are positions of the first and last item in the whole list, by the page's number. */
export function legacyPage(page: Page<unknown>): z.input<z.ZodObject<typeof legacyPageSchema>> {
  const start = page.page * page.pageSize;
  return {
    page: page.page,
    page_size: page.pageSize,
    start,
    end: start + Math.max(0, page.items.length - 1),
    uri: page.self,
    first_page_uri: page.first,
    next_page_uri: page.next,
    previous_page_uri: page.previous,
  };
}

/** The `meta` member of a /v1 list. */
export const metaSchema = z
  .object({
    key: z.string().describe('member that has the items'),
    page: z.number().int(),
    page_size: z.number().int(),
    url: z.string(),
    first_page_url: z.string(),
    next_page_url: z.string().nullable(),
    previous_page_url: z.string().nullable(),
  })
  .meta({ id: 'PageMeta' });

/** @param base scheme and authority of the addresses */
export function metaOf(key: string, page: Page<unknown>, base: string): z.input<typeof metaSchema> {
  const absolute = (link: string | null): string | null => (link === null ? null : `${base}${link}`);
  return {
    key,
    page: page.page,
    page_size: page.pageSize,
    url: `${base}${page.self}`,
    first_page_url: `${base}${page.first}`,
    next_page_url: absolute(page.next),
    previous_page_url: absolute(page.previous),
  };
}
