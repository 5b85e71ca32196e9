import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { audioOf, testLayer } from '../testing/layers.ts';
import { startOrigin } from '../testing/counting-origin.ts';
import type { CountingOrigin } from '../testing/counting-origin.ts';
import type { PromptError } from '../prompt-error.ts';
import { TELEPHONE } from './forms.ts';
import type { CacheOutcome } from './sources.ts';

const ACCOUNT = `AC${'a'.repeat(32)}`;

let origin: CountingOrigin;
beforeAll(async () => {
  origin = await startOrigin();
});
afterAll(() => origin.close());

/** What the origin answers: by the number of the request, the last one from then on. */
interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}
/** After so many seconds somebody asks; what comes, and how often the origin was asked until then. */
interface Step {
  readonly after?: number;
  readonly ask?: string;
  readonly language?: string;
  readonly gets: CacheOutcome | PromptError['reason'];
  readonly body?: string;
  readonly origin: number;
  /** What is left of its life, by the answer. */
  readonly fresh?: number;
  readonly age?: number;
}
type Case = readonly [name: string, replies: readonly Reply[], steps: readonly Step[]];

const fresh = (control: string, more: Record<string, string> = {}): Reply => ({
  headers: { 'cache-control': control, ...more },
});
const same: Reply = { status: 304 };
const etag = { etag: '"one"' };
const at = (ms: number): string => new Date(Date.UTC(2030, 0, 1) + ms).toUTCString();

const CASES: readonly Case[] = [
  // Section 4.2: freshness
  [
    '4.2.1 max-age',
    [fresh('max-age=60')],
    [
      { gets: 'miss', origin: 1, fresh: 60 },
      { after: 59, gets: 'hit', origin: 1, fresh: 1, age: 59 },
      { after: 2, gets: 'miss', origin: 2 },
    ],
  ],
  [
    '4.2.1 s-maxage goes before max-age',
    [fresh('max-age=600, s-maxage=60')],
    [
      { gets: 'miss', origin: 1 },
      { after: 61, gets: 'miss', origin: 2 },
    ],
  ],
  [
    '4.2.1 max-age goes before Expires',
    [fresh('max-age=60', { expires: at(3_600_000), date: at(0) })],
    [
      { gets: 'miss', origin: 1 },
      { after: 61, gets: 'miss', origin: 2 },
    ],
  ],
  [
    '4.2.1 Expires',
    [{ headers: { expires: at(60_000), date: at(0) } }],
    [
      { gets: 'miss', origin: 1 },
      { after: 59, gets: 'hit', origin: 1 },
      { after: 2, gets: 'miss', origin: 2 },
    ],
  ],
  [
    '5.3 an Expires that is no date is in the past',
    [{ headers: { expires: '0', ...etag } }, same],
    [
      { gets: 'miss', origin: 1 },
      { gets: 'revalidated', origin: 2 },
    ],
  ],
  [
    '4.2.2 a tenth of its age since Last-Modified',
    [{ headers: { 'last-modified': at(-1_000_000), date: at(0) } }],
    [
      { gets: 'miss', origin: 1 },
      { after: 99, gets: 'hit', origin: 1 },
      { after: 2, gets: 'miss', origin: 2 },
    ],
  ],
  [
    '4.2.2 ten seconds when nothing is said',
    [{}],
    [
      { gets: 'miss', origin: 1, fresh: 10 },
      { after: 9, gets: 'hit', origin: 1 },
      { after: 2, gets: 'miss', origin: 2 },
    ],
  ],
  [
    '4.2.3 the age that it came with counts',
    [fresh('max-age=60', { age: '50' })],
    [
      { gets: 'miss', origin: 1, age: 50 },
      { after: 9, gets: 'hit', origin: 1, age: 59 },
      { after: 2, gets: 'miss', origin: 2 },
    ],
  ],
  [
    '1.2.2 directives in any case',
    [fresh('Max-Age=60')],
    [
      { gets: 'miss', origin: 1 },
      { after: 59, gets: 'hit', origin: 1 },
    ],
  ],
  // Section 3: storing
  [
    '5.2.2.5 no-store',
    [fresh('no-store, max-age=60')],
    [
      { gets: 'miss', origin: 1, fresh: 0 },
      { gets: 'miss', origin: 2 },
    ],
  ],
  [
    '5.2.2.7 private is not for a shared cache',
    [fresh('private, max-age=60')],
    [
      { gets: 'miss', origin: 1 },
      { gets: 'miss', origin: 2 },
    ],
  ],
  [
    '3 an error is not stored',
    [{ status: 404 }, fresh('max-age=60')],
    [
      { gets: 'http-status', origin: 1 },
      { gets: 'miss', origin: 2 },
      { gets: 'hit', origin: 2 },
    ],
  ],
  // Section 4.3: validation
  [
    '5.2.2.4 no-cache: stored, but asked about each time',
    [fresh('no-cache', etag), same],
    [
      { gets: 'miss', origin: 1 },
      { gets: 'revalidated', origin: 2 },
      { gets: 'revalidated', origin: 3 },
    ],
  ],
  [
    '4.3.1 by ETag',
    [fresh('max-age=60', etag), same],
    [
      { gets: 'miss', origin: 1 },
      { after: 61, gets: 'revalidated', origin: 2, fresh: 60, age: 0 },
      { after: 59, gets: 'hit', origin: 2 },
    ],
  ],
  [
    '4.3.1 by Last-Modified',
    [fresh('max-age=60', { 'last-modified': at(-1000) }), same],
    [
      { gets: 'miss', origin: 1 },
      { after: 61, gets: 'revalidated', origin: 2 },
    ],
  ],
  [
    '4.3.3 the origin has something new',
    [fresh('max-age=60', etag), { headers: { 'cache-control': 'max-age=60', etag: '"two"' }, body: 'new' }],
    [
      { gets: 'miss', origin: 1, body: 'first' },
      { after: 61, gets: 'miss', origin: 2, body: 'new' },
      { gets: 'hit', origin: 2, body: 'new' },
    ],
  ],
  [
    '4.3.4 a 304 brings a new life',
    [fresh('max-age=60', etag), { status: 304, headers: { 'cache-control': 'max-age=600' } }],
    [
      { gets: 'miss', origin: 1 },
      { after: 61, gets: 'revalidated', origin: 2, fresh: 600 },
      { after: 599, gets: 'hit', origin: 2 },
    ],
  ],
  [
    '4.3.4 a 304 adds what the first answer did not have',
    [{ headers: { expires: '0', ...etag } }, { status: 304, headers: { 'cache-control': 'max-age=60' } }],
    [
      { gets: 'miss', origin: 1 },
      { gets: 'revalidated', origin: 2 },
      { after: 59, gets: 'hit', origin: 2 },
    ],
  ],
  [
    '4.3.4 a 304 about something else is asked again without conditions',
    [fresh('max-age=60', etag), { status: 304, headers: { etag: '"other"' } }, { body: 'new' }],
    [
      { gets: 'miss', origin: 1 },
      { after: 61, gets: 'miss', origin: 3, body: 'new' },
    ],
  ],
  [
    '5.2.2.2 must-revalidate: used while it is fresh, never stale',
    [fresh('max-age=60, must-revalidate, stale-if-error=600', etag), { status: 503 }],
    [
      { gets: 'miss', origin: 1 },
      { after: 59, gets: 'hit', origin: 1 },
      { after: 2, gets: 'http-status', origin: 2 },
      { ask: 'max-stale=600', gets: 'http-status', origin: 3 },
    ],
  ],
  [
    '5.2.2.8 proxy-revalidate likewise',
    [fresh('max-age=60, proxy-revalidate', etag), same],
    [
      { gets: 'miss', origin: 1 },
      { after: 59, gets: 'hit', origin: 1 },
      { after: 2, ask: 'max-stale', gets: 'revalidated', origin: 2 },
    ],
  ],
  // RFC 5861
  [
    'RFC 5861 3 stale-while-revalidate: at once, and the origin is asked behind it',
    [fresh('max-age=60, stale-while-revalidate=60', etag), same],
    [
      { gets: 'miss', origin: 1 },
      { after: 61, gets: 'stale', origin: 2, age: 61 },
      { gets: 'hit', origin: 2 },
      { after: 121, gets: 'revalidated', origin: 3 },
    ],
  ],
  [
    'RFC 5861 4 stale-if-error: for an error of the origin',
    [fresh('max-age=60, stale-if-error=60', etag), { status: 503 }],
    [
      { gets: 'miss', origin: 1 },
      { after: 61, gets: 'stale', origin: 2, body: 'first' },
      { after: 60, gets: 'http-status', origin: 3 },
    ],
  ],
  [
    'RFC 5861 4 not for one of the resource',
    [fresh('max-age=60, stale-if-error=60'), { status: 404 }],
    [
      { gets: 'miss', origin: 1 },
      { after: 61, gets: 'http-status', origin: 2 },
    ],
  ],
  [
    'RFC 5861 4 the request may allow it',
    [fresh('max-age=60'), { status: 500 }],
    [
      { gets: 'miss', origin: 1 },
      { after: 61, ask: 'stale-if-error=100', gets: 'stale', origin: 2 },
      { gets: 'http-status', origin: 3 },
    ],
  ],
  // Section 5.2.1: directives of the request
  [
    '5.2.1.4 no-cache',
    [fresh('max-age=60', etag), same],
    [
      { gets: 'miss', origin: 1 },
      { ask: 'no-cache', gets: 'revalidated', origin: 2 },
      { gets: 'hit', origin: 2 },
    ],
  ],
  [
    '5.2.1.1 max-age',
    [fresh('max-age=60', etag), same],
    [
      { gets: 'miss', origin: 1 },
      { after: 30, ask: 'max-age=40', gets: 'hit', origin: 1 },
      { ask: 'max-age=20', gets: 'revalidated', origin: 2 },
    ],
  ],
  [
    '5.2.1.2 max-stale',
    [fresh('max-age=60', etag), same],
    [
      { gets: 'miss', origin: 1 },
      { after: 70, ask: 'max-stale=20', gets: 'stale', origin: 1 },
      { after: 20, ask: 'max-stale=20', gets: 'revalidated', origin: 2 },
      { after: 1000, ask: 'max-stale', gets: 'stale', origin: 2 },
    ],
  ],
  [
    '5.2.1.3 min-fresh',
    [fresh('max-age=60', etag), same],
    [
      { gets: 'miss', origin: 1 },
      { after: 30, ask: 'min-fresh=20', gets: 'hit', origin: 1 },
      { ask: 'min-fresh=40', gets: 'revalidated', origin: 2 },
    ],
  ],
  [
    '5.2.1.5 no-store',
    [fresh('max-age=60')],
    [
      { ask: 'no-store', gets: 'miss', origin: 1 },
      { gets: 'miss', origin: 2 },
      { ask: 'no-store', gets: 'hit', origin: 2 },
    ],
  ],
  [
    '5.2.1.7 only-if-cached',
    [fresh('max-age=60')],
    [
      { ask: 'only-if-cached', gets: 'not-cached', origin: 0 },
      { gets: 'miss', origin: 1 },
      { ask: 'only-if-cached', gets: 'hit', origin: 1 },
      { after: 61, ask: 'only-if-cached', gets: 'not-cached', origin: 1 },
    ],
  ],
  // Section 4.1: Vary
  [
    '4.1 Vary: a copy for each language',
    [fresh('max-age=60', { vary: 'Accept-Language' })],
    [
      { language: 'de', gets: 'miss', origin: 1 },
      { language: 'en', gets: 'miss', origin: 2 },
      { language: 'de', gets: 'hit', origin: 2 },
      { language: 'en', gets: 'hit', origin: 2 },
      { gets: 'miss', origin: 3 },
    ],
  ],
  [
    '4.1 without Vary one copy serves all languages',
    [fresh('max-age=60')],
    [
      { language: 'de', gets: 'miss', origin: 1 },
      { language: 'en', gets: 'hit', origin: 1 },
    ],
  ],
  [
    '4.1 Vary: * matches nothing',
    [fresh('max-age=60', { vary: '*' })],
    [
      { gets: 'miss', origin: 1 },
      { gets: 'miss', origin: 2 },
    ],
  ],
];

describe('MC-2 RFC 9111', () => {
  it.each(CASES)('MC-2 %s', async (name, replies, steps) => {
    const path = `/${encodeURIComponent(name)}`;
    origin.serve(path, (request, response, n) => {
      const reply = replies[Math.min(n, replies.length) - 1] ?? {};
      const conditional = request.headers['if-none-match'] ?? request.headers['if-modified-since'];
      // A 304 answers a condition only.
      const status = reply.status === 304 && conditional === undefined ? 200 : (reply.status ?? 200);
      response.sendDate = false;
      response.writeHead(status, { ...reply.headers });
      response.end(status === 200 ? (reply.body ?? 'first') : undefined);
    });
    const clock = new FakeClock();
    const { layer } = testLayer({ clock });
    for (const [at, step] of steps.entries()) {
      clock.advance((step.after ?? 0) * 1000);
      const { language, ask: cacheControl } = step;
      const source = { kind: 'url', url: origin.url + path, language } as const;
      const outcome = await layer.get({ accountSid: ACCOUNT, source, form: TELEPHONE, cacheControl }).then(
        async (answer) => ({ gets: answer.outcome, body: await audioOf(answer), answer }),
        (error: unknown) => ({ gets: (error as PromptError).reason, body: undefined, answer: undefined }),
      );
      // What goes on behind an answer is done.
      await expect.poll(() => [at, outcome.gets, origin.count(path)]).toEqual([at, step.gets, step.origin]);
      if (step.body !== undefined) expect([at, outcome.body]).toEqual([at, step.body]);
      if (step.fresh !== undefined) expect([at, outcome.answer?.freshSeconds]).toEqual([at, step.fresh]);
      if (step.age !== undefined) expect([at, outcome.answer?.ageSeconds]).toEqual([at, step.age]);
      await layer.settled();
    }
    expect(clock.pendingTimers).toBe(0);
  });
});
