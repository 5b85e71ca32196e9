import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestNats } from '../../bus/testing/test-nats.ts';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import { eventually } from '../../bus/testing/eventually.ts';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { systemClock } from '../../kernel/index.ts';
import { NatsBodies } from '../cache/bodies.nats.ts';
import { NatsCatalog } from '../cache/catalog.nats.ts';
import { NatsFlights } from '../cache/flights.nats.ts';
import { GrowingBody } from '../cache/growing-body.ts';
import type { CountingOrigin } from '../testing/counting-origin.ts';
import { startOrigin } from '../testing/counting-origin.ts';
import { audioOf, memoryStores, testLayer } from '../testing/layers.ts';
import type { TestLayer } from '../testing/layers.ts';
import type { MediaRequest } from './media-request.ts';
import type { AudioForm } from './forms.ts';
import { TELEPHONE } from './forms.ts';

const ACCOUNT = `AC${'a'.repeat(32)}`;
const OTHER = `AC${'b'.repeat(32)}`;
const ALAW: AudioForm = { codec: 'pcma', rate: 8000 };

let origin: CountingOrigin;
let nats: TestNats;
beforeAll(async () => {
  origin = await startOrigin();
  nats = await startTestNats();
}, 60_000);
afterAll(async () => {
  await nats.close();
  await origin.close();
});

const serve = (path: string, body: () => string, control = 'max-age=60'): string => {
  origin.serve(path, (_request, response) => response.writeHead(200, { 'cache-control': control }).end(body()));
  return origin.url + path;
};
const of = (url: string, form = TELEPHONE, accountSid = ACCOUNT): MediaRequest => ({
  ...{ accountSid, form },
  source: { kind: 'url', url },
});
const say = (text: string): MediaRequest => ({
  accountSid: ACCOUNT,
  form: TELEPHONE,
  source: { kind: 'speech', text },
});

describe('addresses', () => {
  it('MC-1 the same content has one address, byte for byte, on every node and after every start', async () => {
    const clock = new FakeClock();
    const stores = memoryStores(clock);
    const [one, two, fresh] = [testLayer({ clock, stores }), testLayer({ clock, stores }), testLayer({ clock })];
    const url = serve('/same', () => 'hello');
    const copy = serve('/copy', () => 'hello');
    const answers = [await one.layer.get(of(url)), await two.layer.get(of(url)), await fresh.layer.get(of(copy))];
    expect(new Set(answers.map(({ address }) => address)).size).toBe(1);
    expect(await Promise.all(answers.map(audioOf))).toEqual(['hello', 'hello', 'hello']);
    expect(answers[0]?.address).toMatch(/^\/media\/v1\/[\w-]{43}\.ulaw\?account=AC[0-9a-f]{32}&signature=[\w-]{43}$/);
  });

  it('MC-1 a changed origin gives a new address, and the old one stays', async () => {
    const clock = new FakeClock();
    const { layer, addresses } = testLayer({ clock });
    let body = 'first';
    const url = serve('/changing', () => body);
    const before = await layer.get(of(url));
    await layer.settled();
    body = 'second';
    clock.advance(61_000);
    const after = await layer.get(of(url));
    expect(after.address).not.toBe(before.address);
    const old = await layer.open(addresses.read(before.address ?? '')!);
    expect([await audioOf(old!), await audioOf(after)]).toEqual(['first', 'second']);
  });

  it('MC-1 form, account, converter and engine are in the address', async () => {
    const clock = new FakeClock();
    const [one, newer] = [testLayer({ clock }), testLayer({ clock, engineVersion: '2' })];
    const url = serve('/forms', () => 'x');
    const all = [of(url), of(url, ALAW), of(url, TELEPHONE, OTHER), say('x')].map((request) => one.layer.get(request));
    const addresses = (await Promise.all(all)).map(({ address }) => address);
    expect(new Set(addresses).size).toBe(4);
    expect((await newer.layer.get(say('x'))).address).not.toBe(addresses[3]);
    // One fetch for both forms of one account.
    expect([origin.count('/forms'), one.conversions.length]).toEqual([2, 4]);
  });

  it.each([
    ['of another account', (address: string) => address.replace(ACCOUNT, OTHER)],
    ['without its signature', (address: string) => address.replace(/&signature=.*/, '')],
    ['with another signature', (address: string) => address.replace(/signature=./, 'signature=_')],
    ['of another form', (address: string) => address.replace('.ulaw', '.alaw')],
    ['of no form', (address: string) => address.replace('.ulaw', '.exe')],
    ['with a longer path', (address: string) => address.replace('/media/v1/', '/media/v1/../v1/')],
  ])('MC-6 an address %s is none', async (_name, change) => {
    const { layer, addresses } = testLayer({ clock: new FakeClock() });
    const { address = '' } = await layer.get(of(serve('/signed', () => 'x')));
    expect(addresses.read(address)).toMatchObject({ accountSid: ACCOUNT });
    expect(addresses.read(change(address))).toBeUndefined();
  });
});

describe('one process', () => {
  it('MC-8 there is something to hear before the conversion is done, for all who ask meanwhile', async () => {
    const half = Promise.withResolvers<void>();
    const { layer, conversions } = testLayer({ clock: new FakeClock(), halfway: () => half.promise });
    const url = serve('/long', () => '0123456789');
    const [first, second] = await Promise.all([layer.get(of(url)), layer.get(of(url))]);
    expect(first.body).toBeInstanceOf(GrowingBody);
    expect([first.body, second.body].map((body) => (body as GrowingBody).bytes)).toEqual([5, 5]);
    half.resolve();
    expect([await audioOf(first), await audioOf(second)]).toEqual(['0123456789', '0123456789']);
    expect([origin.count('/long'), conversions.length]).toEqual([1, 1]);
  });

  it('MC-4 a text is spoken once, and again by a newer engine', async () => {
    const clock = new FakeClock();
    const stores = memoryStores(clock);
    const one = testLayer({ clock, stores });
    await Promise.all([one.layer.get(say('hi')), one.layer.get(say('hi'))]);
    await one.layer.settled();
    clock.advance(10 * 86_400_000);
    expect((await one.layer.get(say('hi'))).outcome).toBe('hit');
    const newer = testLayer({ clock, stores, engineVersion: '2' });
    expect((await newer.layer.get(say('hi'))).outcome).toBe('miss');
    expect([one.spoken, newer.spoken]).toEqual([['hi'], ['hi']]);
  });

  it('MC-9 what is no audio is refused with a reason, kept from nobody else, and asked for again', async () => {
    const { layer } = testLayer({ clock: new FakeClock() });
    let body = '<html>';
    const url = serve('/page', () => body, 'no-cache');
    await expect(layer.get(of(url))).rejects.toMatchObject({ reason: 'not-audio', code: 12_300 });
    body = 'audio';
    expect(await audioOf(await layer.get(of(url)))).toBe('audio');
  });

  it('MC-2 what may not be stored is fetched for each, and has no address', async () => {
    const { layer } = testLayer({ clock: new FakeClock() });
    const url = serve('/secret', () => 'x', 'no-store');
    const both = await Promise.all([layer.get(of(url)), layer.get(of(url))]);
    expect(both.map(({ address }) => address)).toEqual([undefined, undefined]);
    expect(origin.count('/secret')).toBe(2);
  });

  it('MC-7 what was prefetched is there', async () => {
    const { layer } = testLayer({ clock: new FakeClock() });
    const url = serve('/later', () => 'x');
    layer.prefetch(of(url));
    layer.prefetch(of(`${origin.url}/nowhere`));
    await eventually(() => {
      expect(origin.count('/later')).toBe(1);
    });
    await layer.settled();
    expect((await layer.get(of(url))).outcome).toBe('hit');
    expect(origin.count('/later')).toBe(1);
  });

  it('MC-6 content that the store lost is fetched anew', async () => {
    const clock = new FakeClock();
    const stores = memoryStores(clock);
    const url = serve('/lost', () => 'x');
    await testLayer({ clock, stores }).layer.get(of(url));
    const again = testLayer({ clock, stores });
    await eventually(async () => {
      expect(await stores.bodies.list()).toHaveLength(2);
    });
    for (const { name } of await stores.bodies.list()) await stores.bodies.remove(name);
    expect(await audioOf(await again.layer.get(of(url)))).toBe('x');
    expect(origin.count('/lost')).toBe(2);
    await again.layer.settled();
    expect(await audioOf(await testLayer({ clock, stores }).layer.get(of(url)))).toBe('x');
    expect(origin.count('/lost')).toBe(2);
  });

  it('MC-10 counts by account what it did', async () => {
    const clock = new FakeClock();
    const { layer, statistics } = testLayer({ clock });
    const url = serve('/counted', () => '12345678');
    await layer.get(of(url)).then(audioOf);
    await layer.settled();
    clock.advance(30_000);
    await layer.get(of(url));
    await layer.get(of(url, TELEPHONE, OTHER)).then(audioOf);
    await layer.get(of(`${origin.url}/nowhere`)).catch(() => undefined);
    const counts = statistics.all();
    expect(counts.get(ACCOUNT)).toMatchObject({ hits: 1, misses: 1, failures: 1, conversions: 1, ageSeconds: 30 });
    expect(counts.get(OTHER)).toMatchObject({ hits: 0, misses: 1, failures: 0, conversions: 1 });
  });
});

describe('three processes', () => {
  const open = async (): Promise<{ layers: TestLayer[]; close: () => void }> => {
    const parts = await Promise.all(
      ['n1', 'n2', 'n3'].map(async (node) => ({
        catalog: await NatsCatalog.open(nats.bus),
        bodies: await NatsBodies.open(nats.bus),
        flights: await NatsFlights.open({ bus: nats.bus, node }),
      })),
    );
    const layers = parts.map((stores) => testLayer({ clock: systemClock, stores }));
    const close = (): void => {
      for (const { catalog, flights } of parts) {
        catalog.close();
        flights.close();
      }
    };
    return { layers, close };
  };
  const sum = (layers: TestLayer[]): number => layers.reduce((all, { conversions }) => all + conversions.length, 0);

  it('MC-5 1,000 requests at once on three nodes make one fetch and one conversion', async () => {
    const { layers, close } = await open();
    const audio = 'a'.repeat(40_000);
    const url = serve('/campaign', () => audio, 'max-age=3600');
    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, n) => layers[n % 3]!.layer.get(of(url)).then(audioOf)),
    );
    expect(answers.every((answer) => answer === audio)).toBe(true);
    expect([origin.count('/campaign'), sum(layers)]).toEqual([1, 1]);
    await Promise.all(layers.map(({ layer }) => layer.settled()));
    // What asks the origin each time is asked for once by all who come at once.
    const busy = serve('/news', () => 'n', 'no-cache');
    await Promise.all(Array.from({ length: 300 }, (_, n) => layers[n % 3]!.layer.get(of(busy)).then(audioOf)));
    expect([origin.count('/news'), sum(layers)]).toEqual([1, 2]);
    await Promise.all(layers.map(({ layer }) => layer.settled()));
    close();
  }, 60_000);

  it('MC-5 what one made and could not store is made by one of those who waited, not by all of them', async () => {
    const clock = new FakeClock();
    const stores = memoryStores(clock);
    const put = stores.bodies.put.bind(stores.bodies);
    let refused = 0;
    stores.bodies.put = async (name, body) => {
      if (name.includes('/r-') && refused++ === 0) throw new Error('no room for the moment');
      await put(name, body);
    };
    const half = Promise.withResolvers<void>();
    const layers = Array.from({ length: 4 }, () => testLayer({ clock, stores, halfway: () => half.promise }));
    const url = serve('/unstored', () => '0123456789');
    const [first, ...others] = layers.map(({ layer }) => layer);
    const made = await first!.get(of(url));
    const waiting = others.map((layer) => layer.get(of(url)).then(audioOf));
    half.resolve();
    expect(await audioOf(made)).toBe('0123456789');
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 3 }, () => '0123456789'));
    expect([sum(layers), refused]).toEqual([2, 2]);
  });

  it('MC-1 what one changed the others give out at once', async () => {
    const { layers, close } = await open();
    const clock = layers.map(({ layer }) => layer);
    let body = 'old';
    const url = serve('/shared', () => body, 'max-age=3600');
    for (const layer of clock) expect(await audioOf(await layer.get(of(url)))).toBe('old');
    await Promise.all(clock.map((layer) => layer.settled()));
    body = 'new';
    const renewed = await clock[0]!.get({ ...of(url), cacheControl: 'no-cache' });
    expect(await audioOf(renewed)).toBe('new');
    await clock[0]!.settled();
    for (const layer of clock) {
      await eventually(async () => {
        expect(await audioOf(await layer.get(of(url)))).toBe('new');
      });
    }
    expect(origin.count('/shared')).toBe(2);
    close();
  }, 60_000);
});
