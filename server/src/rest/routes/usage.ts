import { z } from 'zod';
import type { UsageDay } from '../../records/index.ts';
import { iso8601 } from '../dates.ts';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, legacyPageSchema, pageParameters } from '../paging.ts';
import { accountPath } from '../parameters.ts';
import { contextOf } from '../services.ts';
import type { RestApp, RestServices } from '../services.ts';
import { subresourceSpan, today } from '../usage-spans.ts';
import type { UsageSpan, UsageSubresource } from '../usage-spans.ts';

const recordSchema = z
  .object({
    account_sid: z.string(),
    api_version: z.literal('2010-04-01'),
    as_of: z.string(),
    category: z.string(),
    count: z.string(),
    count_unit: z.string(),
    description: z.string(),
    start_date: z.string(),
    end_date: z.string(),
    price: z.string(),
    price_unit: z.string(),
    usage: z.string(),
    usage_unit: z.string(),
    subresource_uris: z.record(z.string(), z.string()),
    uri: z.string(),
  })
  .meta({ id: 'UsageRecord' });
const day = z.iso
  .date()
  .or(z.string().regex(/^[+-]\d{1,4}days$/))
  .optional();
const listQuery = z.object({
  Category: z.string().max(64).optional(),
  StartDate: day.describe('YYYY-MM-DD, or a number of days from today such as -30days'),
  EndDate: day,
  IncludeSubaccounts: z.stringbool().default(true),
  ...pageParameters,
});

/** Categories with what they are called. */
export const USAGE_CATEGORIES: Readonly<Record<string, string>> = {
  calls: 'Voice Minutes',
  'calls-inbound': 'Inbound Voice Minutes',
  'calls-outbound': 'Outbound Voice Minutes',
  'calls-client': 'Client Voice Minutes',
  'calls-sip': 'SIP Minutes',
  'calls-sip-inbound': 'SIP Inbound Minutes',
  'calls-sip-outbound': 'SIP Outbound Minutes',
  totalprice: 'Total Price',
};
const SUBRESOURCES: readonly (UsageSubresource | undefined)[] = [
  undefined,
  'Daily',
  'Monthly',
  'Yearly',
  'AllTime',
  'Today',
  'Yesterday',
  'ThisMonth',
  'LastMonth',
];

/** Usage of an account by category: in all, or by day, month or year. */
export function usageRoutes(app: RestApp, services: RestServices): void {
  for (const subresource of SUBRESOURCES) usageRoute(app, services, subresource);
}

function usageRoute(app: RestApp, services: RestServices, subresource: UsageSubresource | undefined): void {
  const { records, store, clock } = services;
  const path = subresource === undefined ? '' : `/${subresource}`;
  app.get(
    `/Accounts/:AccountSid/Usage/Records${path}.json`,
    {
      schema: {
        operationId: `ListUsageRecord${subresource ?? ''}`,
        summary: 'Usage by category',
        tags: ['Usage'],
        params: accountPath,
        querystring: listQuery,
        response: { 200: z.object({ usage_records: z.array(recordSchema), ...legacyPageSchema }) },
      },
    },
    async (request) => {
      const { account } = contextOf(request);
      const { query } = request;
      const { Category, StartDate, EndDate, IncludeSubaccounts } = query;
      const span = subresourceSpan(subresource, clock.now(), { from: StartDate, until: EndDate });
      const accounts = IncludeSubaccounts ? await store.page('account', { accountSid: account.sid, limit: 1000 }) : [];
      const sids = new Set([account.sid, ...accounts.map(({ sid }) => sid)]);
      const days = await records.usage.days([...sids], span);
      const wanted = Category === undefined ? days : days.filter(({ category }) => category === Category);
      const from = span.from ?? wanted[0]?.day ?? today(clock.now());
      const rows = summed(wanted, { ...span, from, until: span.until ?? today(clock.now()) }, Category);
      const now = clock.now();
      const items = rows.map((row) => usageView(row, { accountSid: account.sid, path, now }));
      return offsetPage(items, request.url, query);
    },
  );
}

interface Sum {
  readonly category: string;
  readonly start: string;
  readonly end: string;
  readonly count: number;
  readonly usage: number;
}

/** One row for each category and period; of the whole span also for what was not used. */
function summed(
  days: readonly UsageDay[],
  span: UsageSpan & { from: string; until: string },
  category?: string,
): Sum[] {
  const sums = new Map<string, Sum>();
  const { from, until, period } = span;
  const [first, last] = [from, until];
  if (period === undefined) {
    for (const name of category === undefined ? Object.keys(USAGE_CATEGORIES) : [category]) {
      sums.set(`/${name}`, { category: name, start: first, end: last, count: 0, usage: 0 });
    }
  }
  for (const { day: at, category: name, count, usage } of days) {
    const [start, end] = period === undefined ? [first, last] : period(at);
    const key = `${period === undefined ? '' : start}/${name}`;
    const sum = sums.get(key) ?? { category: name, start, end, count: 0, usage: 0 };
    sums.set(key, { ...sum, count: sum.count + count, usage: sum.usage + usage });
  }
  return [...sums.values()];
}

function usageView(
  { category, start, end, count, usage }: Sum,
  { accountSid, path, now }: { accountSid: string; path: string; now: number },
): z.input<typeof recordSchema> {
  const base = `/2010-04-01/Accounts/${accountSid}/Usage/Records`;
  const query = `?Category=${category}&StartDate=${start}&EndDate=${end}`;
  const price = category === 'totalprice';
  return {
    account_sid: accountSid,
    api_version: '2010-04-01',
    as_of: iso8601(now).replace('Z', '+00:00'),
    category,
    count: String(count),
    count_unit: price ? '' : 'calls',
    description: USAGE_CATEGORIES[category] ?? category,
    start_date: start,
    end_date: end,
    price: '0',
    price_unit: 'usd',
    usage: String(usage),
    usage_unit: price ? 'usd' : 'minutes',
    subresource_uris: Object.fromEntries(
      SUBRESOURCES.flatMap((name) =>
        name === undefined
          ? []
          : [[name.replace(/(?<!^)[A-Z]/g, (c) => `_${c}`).toLowerCase(), `${base}/${name}.json?Category=${category}`]],
      ),
    ),
    uri: `${base}${path}.json${query}`,
  };
}

/** A list that is computed: its pages are found by number. */
function offsetPage<T>(
  all: readonly T[],
  url: string,
  query: { readonly PageSize?: number | undefined; readonly Page?: number | undefined },
): { usage_records: T[] } & z.input<z.ZodObject<typeof legacyPageSchema>> {
  const size = Math.min(query.PageSize ?? DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
  const page = query.Page ?? 0;
  const [path = '', text = ''] = url.split('?', 2);
  const link = (to: number): string => {
    const parameters = new URLSearchParams(text);
    parameters.set('Page', String(to));
    parameters.set('PageSize', String(size));
    return `${path}?${parameters.toString()}`;
  };
  const items = all.slice(page * size, (page + 1) * size);
  return {
    usage_records: items,
    page,
    page_size: size,
    start: page * size,
    end: page * size + Math.max(0, items.length - 1),
    uri: url,
    first_page_uri: link(0),
    next_page_uri: (page + 1) * size < all.length ? link(page + 1) : null,
    previous_page_uri: page === 0 ? null : link(page - 1),
  };
}
