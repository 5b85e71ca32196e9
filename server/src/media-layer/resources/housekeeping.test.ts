import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { silentLog } from '../../kernel/index.ts';
import { PromptError } from '../prompt-error.ts';
import type { CountingOrigin } from '../testing/counting-origin.ts';
import { startOrigin } from '../testing/counting-origin.ts';
import { audioOf, memoryStores, testLayer } from '../testing/layers.ts';
import { TELEPHONE } from './forms.ts';
import { Housekeeping } from './housekeeping.ts';
import type { PurgeSelector } from './housekeeping.ts';
import type { KeptSource, MediaRequest } from './media-request.ts';
import { Quota } from './quota.ts';

const ACCOUNT = `AC${'a'.repeat(32)}`;
const OTHER = `AC${'b'.repeat(32)}`;

let origin: CountingOrigin;
beforeAll(async () => {
  origin = await startOrigin();
});
afterAll(() => origin.close());

/** @param limits bytes of each account; one number is that of all */
function open(limits: number | Record<string, number> = 2 ** 30) {
  const clock = new FakeClock();
  const stores = memoryStores(clock);
  const housekeeping = new Housekeeping({ ...stores, clock, log: silentLog });
  const quota = new Quota({
    housekeeping,
    clock,
    log: silentLog,
    limitOf: (sid) => (typeof limits === 'number' ? limits : (limits[sid] ?? 0)),
  });
  const made = testLayer({ clock, stores, allowance: quota });
  const play = async (path: string, accountSid = ACCOUNT, tags: string[] = []): Promise<string> => {
    const source = { kind: 'url', url: origin.url + path } as const;
    const text = await audioOf(await made.layer.get({ accountSid, source, form: TELEPHONE, tags }));
    await made.layer.settled();
    return text;
  };
  return { clock, stores, housekeeping, play, ...made };
}
const serve = (...paths: string[]): void => {
  for (const path of paths) {
    origin.serve(path, (_request, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=86400' }).end(path.padEnd(100, '.'));
    });
  }
};
const upload = (name: string): MediaRequest<KeptSource> => ({
  accountSid: ACCOUNT,
  form: TELEPHONE,
  source: { kind: 'upload', name },
});

describe('purging', () => {
  it.each<[string, (url: string) => PurgeSelector, string[]]>([
    ['an address', (url) => ({ by: 'url', url: `${url}/1/a?x=1` }), ['/1/a?x=1']],
    ['all that begin so', (url) => ({ by: 'prefix', prefix: `${url}/1/` }), ['/1/a?x=1', '/1/b']],
    ['a tag', () => ({ by: 'tag', tag: 'sale' }), ['/1/b', '/2/c']],
    ['everything', () => ({ by: 'everything' }), ['/1/a?x=1', '/1/b', '/2/c']],
  ])('MC-6 %s, of one account only', async (_name, selector, gone) => {
    const paths = ['/1/a?x=1', '/1/b', '/2/c'];
    serve(...paths);
    const { housekeeping, play, stores } = open();
    for (const path of paths) {
      await play(path, ACCOUNT, path === '/1/a?x=1' ? [] : ['sale']);
      await play(path, OTHER, ['sale']);
    }
    const before = Object.fromEntries(paths.map((path) => [path, origin.count(path)]));
    expect(await housekeeping.purge(ACCOUNT, selector(origin.url))).toBe(gone.length);
    for (const path of paths) {
      await play(path);
      await play(path, OTHER);
    }
    const again = paths.filter((path) => origin.count(path) !== before[path]);
    expect(again).toEqual(gone);
    // A source and a rendition of each path and account; nothing is left behind.
    expect(await stores.bodies.list()).toHaveLength(12);
  });

  it('MC-6 an address that was purged is none any more', async () => {
    serve('/gone');
    const { housekeeping, layer, addresses } = open();
    const source = { kind: 'url', url: `${origin.url}/gone` } as const;
    const { address = '' } = await layer.get({ accountSid: ACCOUNT, source, form: TELEPHONE });
    await layer.settled();
    const addressed = addresses.read(address);
    expect(await layer.open(addressed!)).toBeDefined();
    await housekeeping.purge(ACCOUNT, { by: 'everything' });
    expect(await layer.open(addressed!)).toBeUndefined();
  });

  it('MC-6 what was being fetched when it was purged is not kept', async () => {
    const { housekeeping, play } = open();
    let body = 'before';
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    origin.serve('/racing', (_request, response) => {
      const now = body;
      asked.resolve();
      void answer.promise.then(() => response.writeHead(200, { 'cache-control': 'max-age=600' }).end(now));
    });
    const playing = play('/racing');
    await asked.promise;
    await housekeeping.purge(ACCOUNT, { by: 'url', url: `${origin.url}/racing` });
    body = 'after';
    answer.resolve();
    expect(await playing).toBe('before');
    expect(await play('/racing')).toBe('after');
  });
});

describe('quota', () => {
  it('MC-6 an account that is full loses what it did not use for longest, others lose nothing', async () => {
    const paths = Array.from({ length: 8 }, (_, n) => `/q${String(n)}`);
    serve(...paths);
    // A source and a rendition of 100 bytes each.
    const { housekeeping, play, clock } = open(1000);
    await play('/q0', OTHER);
    for (const path of paths) {
      await play(path);
      clock.advance(2 * 3_600_000);
      await play('/q0');
      expect((await housekeeping.usage(ACCOUNT)).bytes).toBeLessThanOrEqual(1000);
    }
    expect(await housekeeping.usage(OTHER)).toEqual({ sources: 1, renditions: 1, bytes: 200 });
    const before = origin.count('/q7');
    await play('/q7');
    expect(origin.count('/q7')).toBe(before);
  });

  it('MC-6 each account has its own; one that floods its own evicts nothing of another', async () => {
    const limits: Record<string, number> = { [ACCOUNT]: 1000, [OTHER]: 600 };
    const { housekeeping, play } = open(limits);
    const mine = ['/own1', '/own2', '/own3'];
    const flood = Array.from({ length: 40 }, (_, n) => `/flood${String(n)}`);
    serve(...mine, ...flood);
    for (const path of mine) await play(path, OTHER);
    await Promise.all(flood.map((path) => play(path)));
    expect((await housekeeping.usage(ACCOUNT)).bytes).toBeLessThanOrEqual(1000);
    expect(await housekeeping.usage(OTHER)).toEqual({ sources: 3, renditions: 3, bytes: 600 });
    for (const path of mine) expect(await play(path, OTHER)).toBe(path.padEnd(100, '.'));
    expect(mine.map((path) => origin.count(path))).toEqual([1, 1, 1]);
    // A smaller limit holds with what is kept next.
    limits[OTHER] = 300;
    await play('/flood0', OTHER);
    expect((await housekeeping.usage(OTHER)).bytes).toBeLessThanOrEqual(300);
  });

  it('MC-6 what is larger than the quota is heard, but not kept', async () => {
    serve('/huge');
    const { play, stores, layer } = open(50);
    expect(await play('/huge')).toHaveLength(100);
    expect(await stores.bodies.list()).toEqual([]);
    const tooLarge = layer.upload(upload('x'), { body: new Uint8Array(100), contentType: 'audio/basic' });
    await expect(tooLarge).rejects.toBeInstanceOf(PromptError);
  });
});

describe('uploads', () => {
  it('MC-6 keep their name and their address, and are not dropped for want of room', async () => {
    const { layer, play, addresses } = open(1000);
    const greeting = { body: Buffer.from('greeting'), contentType: 'audio/basic' };
    const { address = '' } = await layer.upload(upload('welcome'), greeting);
    await layer.settled();
    serve('/x1', '/x2', '/x3', '/x4', '/x5', '/x6');
    for (const path of ['/x1', '/x2', '/x3', '/x4', '/x5', '/x6']) await play(path);
    expect(await audioOf(await layer.get(upload('welcome')))).toBe('greeting');
    await layer.upload(upload('welcome'), { ...greeting, body: Buffer.from('new greeting') });
    await layer.settled();
    const now = await layer.get(upload('welcome'));
    expect([await audioOf(now), now.address === address]).toEqual(['new greeting', false]);
    expect(await audioOf((await layer.open(addresses.read(address)!))!)).toBe('greeting');
    await expect(layer.get(upload('nothing'))).rejects.toMatchObject({ reason: 'not-found' });
    await expect(layer.get({ ...upload('welcome'), accountSid: OTHER })).rejects.toMatchObject({ reason: 'not-found' });
  });
});

it('MC-6 bodies that no record names are swept once they are old', async () => {
  serve('/kept');
  const { stores, housekeeping, play, clock } = open();
  await play('/kept');
  await stores.bodies.put(`${ACCOUNT}/r-left-behind`, new Uint8Array(10));
  expect(await housekeeping.sweep()).toBe(0);
  clock.advance(601_000);
  expect(await housekeeping.sweep()).toBe(1);
  expect(await stores.bodies.list()).toHaveLength(2);
});
