import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get as httpGet } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fastify } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../bus/testing/eventually.ts';
import type { AudioStreamReader, PromptAudio } from '../../calls/ports.ts';
import { FakeClock } from '../../kernel/clock.fake.ts';
import { silentLog, systemClock } from '../../kernel/index.ts';
import { decodeWav, encodeWav } from '../../media/index.ts';

import { layerPrompts } from '../layer-prompts.ts';
import { createConverter } from '../processing/converter.child.ts';
import { addressPolicy } from '../origin/address-policy.ts';
import { createOrigins } from '../origin/origins.undici.ts';
import { createVoices } from '../resources/voices.child.ts';
import { createSpeech } from '../speech.child.ts';
import type { CountingOrigin } from '../testing/counting-origin.ts';
import { startOrigin } from '../testing/counting-origin.ts';
import type { TestLayer, TestLayerOptions } from '../testing/layers.ts';
import { testLayer } from '../testing/layers.ts';
import { createMediaClient } from './media-client.undici.ts';
import { mediaRoutes } from './media.fastify.ts';
import { NodeTokens } from './node-tokens.ts';
import { matchesTag, readRange } from './range.ts';

const ACCOUNT = `AC${'a'.repeat(32)}`;
const OTHER = `AC${'b'.repeat(32)}`;

let origin: CountingOrigin;
beforeAll(async () => {
  origin = await startOrigin();
});
afterAll(() => origin.close());
const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const tokens = new NodeTokens(new Uint8Array(32).fill(1), systemClock);
const bearer = (accountSid = ACCOUNT): Record<string, string> => ({
  authorization: `Bearer ${tokens.issue(accountSid)}`,
});

async function serve(options: Partial<TestLayerOptions> = {}): Promise<TestLayer & { url: string }> {
  const made = testLayer({ clock: new FakeClock(), ...options });
  const app = fastify({ forceCloseConnections: true });
  const callers = {
    accountOf: (header: string | undefined) => tokens.accountOf((header ?? '').replace(/^Bearer /, '')),
  };
  await app.register(mediaRoutes({ ...made, callers, log: silentLog }));
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  opened.push(async () => {
    await made.layer.settled();
    await app.close();
  });
  return { ...made, url };
}
const resource = (path: string, more = ''): string =>
  `/media/v1/resource?url=${encodeURIComponent(origin.url + path)}${more}`;
const audio = (
  path: string,
  body = '0123456789',
  headers: Record<string, string> = { 'cache-control': 'max-age=60' },
) => {
  origin.serve(path, (_request, response) => response.writeHead(200, headers).end(body));
};
/** The test's converter turns bytes over. */
const turned = (text: string): string => Buffer.from(Buffer.from(text).map((byte) => byte ^ 0xff)).toString('latin1');
const bodyOf = async (response: Response): Promise<string> =>
  Buffer.from(await response.arrayBuffer()).toString('latin1');

describe('the media layer over HTTP', () => {
  it('MC-1 answers with audio whose Content-Location is for whoever has it, with conditions and ranges', async () => {
    const { url, layer } = await serve();
    audio('/one', '0123456789', { 'cache-control': 'max-age=60', 'last-modified': 'Tue, 01 Jan 2030 00:00:00 GMT' });
    const first = await fetch(url + resource('/one'), { headers: bearer() });
    expect([first.status, await bodyOf(first)]).toEqual([200, turned('0123456789')]);
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'content-type': 'audio/basic',
      'cache-control': 'private, max-age=60',
      'cache-status': 'hookswitch; fwd=miss; stored; ttl=60',
      age: '0',
      etag: expect.stringMatching(/^"[\w-]{43}"$/) as unknown,
    });
    await layer.settled();
    const address = url + (first.headers.get('content-location') ?? '');
    const whole = await fetch(address);
    expect([whole.status, await bodyOf(whole)]).toEqual([200, turned('0123456789')]);
    expect(whole.headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
    const etag = whole.headers.get('etag') ?? '';
    const ask = async (headers: Record<string, string>, method = 'GET') => {
      const response = await fetch(address, { headers, method });
      return [response.status, await bodyOf(response), response.headers.get('content-range')];
    };
    expect(await ask({ range: 'bytes=2-4' })).toEqual([206, turned('234'), 'bytes 2-4/10']);
    expect(await ask({ range: 'bytes=-3' })).toEqual([206, turned('789'), 'bytes 7-9/10']);
    expect(await ask({ range: 'bytes=10-' })).toEqual([416, '', 'bytes */10']);
    expect(await ask({ range: 'bytes=2-4', 'if-range': etag })).toEqual([206, turned('234'), 'bytes 2-4/10']);
    expect(await ask({ range: 'bytes=2-4', 'if-range': '"old"' })).toEqual([200, turned('0123456789'), null]);
    expect(await ask({ 'if-none-match': `"x", W/${etag}` })).toEqual([304, '', null]);
    expect(await ask({}, 'HEAD')).toEqual([200, '', null]);
    // `fetch` asks for no-cache beside conditions, unless something else is said.
    const control = { 'cache-control': 'max-age=60' };
    const since = { 'if-modified-since': 'Tue, 01 Jan 2030 00:00:00 GMT', ...control, ...bearer() };
    expect((await fetch(url + resource('/one'), { headers: since })).status).toBe(304);
    expect(origin.count('/one')).toBe(1);
  });

  it('MC-6 shows nothing without credentials, or with a changed signature', async () => {
    const { url } = await serve();
    audio('/private');
    expect((await fetch(url + resource('/private'))).status).toBe(401);
    const stale = { authorization: `Bearer ${tokens.issue(ACCOUNT).replace(ACCOUNT, OTHER)}` };
    expect((await fetch(url + resource('/private'), { headers: stale })).status).toBe(401);
    expect(origin.count('/private')).toBe(0);
    const first = await fetch(url + resource('/private'), { headers: bearer() });
    const address = url + (first.headers.get('content-location') ?? '');
    await first.arrayBuffer();
    for (const change of [address.replace(ACCOUNT, OTHER), address.replace(/signature=.*/, ''), `${address}x`]) {
      expect((await fetch(change)).status).toBe(404);
    }
  });

  it('MC-2 takes the directives of whoever asks', async () => {
    const { url, layer } = await serve();
    audio('/directives');
    const ask = async (control: string): Promise<[number, string | null]> => {
      const response = await fetch(url + resource('/directives'), {
        headers: { ...bearer(), 'cache-control': control },
      });
      await response.arrayBuffer();
      await layer.settled();
      return [response.status, response.headers.get('cache-status')];
    };
    expect(await ask('only-if-cached')).toEqual([504, null]);
    expect(await ask('max-age=10')).toEqual([200, 'hookswitch; fwd=miss; stored; ttl=60']);
    expect(await ask('only-if-cached')).toEqual([200, 'hookswitch; hit; ttl=60']);
    expect((await ask('no-cache'))[1]).toContain('fwd=miss');
    expect(origin.count('/directives')).toBe(2);
  });

  it('MC-8 the first part arrives while the rest is being made', async () => {
    const half = Promise.withResolvers<void>();
    const { url } = await serve({ halfway: () => half.promise });
    audio('/stream');
    const request = httpGet(url + resource('/stream'), { headers: bearer() });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const [part] = (await once(response, 'data')) as [Buffer];
    expect(part.toString('latin1')).toBe(turned('01234'));
    half.resolve();
    const rest: Buffer[] = [];
    for await (const chunk of response) rest.push(chunk as Buffer);
    expect(Buffer.concat(rest).toString('latin1')).toBe(turned('56789'));
  });

  it.each([
    ['nothing wanted', '/media/v1/resource', 400, undefined],
    ['two things wanted', '/media/v1/resource?url=http://x/&text=y', 400, undefined],
    ['no such form', '/media/v1/resource?text=y&codec=pcmu&rate=16000', 400, undefined],
    ['no such upload', '/media/v1/resource?upload=y', 404, 11_200],
    ['an origin that answers 404', resource.bind(undefined, '/nowhere'), 502, 11_200],
    ['a page', resource.bind(undefined, '/page'), 502, 12_300],
  ])('MC-9 says what is wrong: %s', async (_name, path, status, code) => {
    const { url } = await serve();
    audio('/page', '<html>');
    const response = await fetch(url + (typeof path === 'string' ? path : path()), { headers: bearer() });
    expect([response.status, response.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
    expect(await response.json()).toMatchObject({
      status,
      title: expect.any(String) as unknown,
      ...(code && { code }),
    });
  });

  it('MC-1 texts that are too long for an address come as a body', async () => {
    const { url, spoken } = await serve();
    const text = 'long '.repeat(800);
    for (const [type, body] of [
      ['application/json', JSON.stringify({ text })],
      ['application/x-www-form-urlencoded', new URLSearchParams({ text }).toString()],
    ] as const) {
      const headers = { ...bearer(), 'content-type': type };
      const response = await fetch(`${url}/media/v1/resource`, { method: 'POST', headers, body });
      expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([200, 8 + text.length]);
    }
    expect(spoken).toEqual([text]);
  });
});

describe('the client of other processes', () => {
  it('MC-1 asks the process that has the source, keeps connections, and goes on when one is gone', async () => {
    const [one, two] = [await serve(), await serve()];
    audio('/client');
    const client = createMediaClient({
      nodes: () => [one.url, 'http://127.0.0.1:9', two.url],
      tokens,
      clock: systemClock,
    });
    opened.push(() => client.close());
    const source = { kind: 'url', url: `${origin.url}/client` } as const;
    for (let n = 0; n < 20; n++) {
      const heard = await client.audio(ACCOUNT, source);
      const bytes = heard instanceof Uint8Array ? heard : await heard.whole;
      expect(Buffer.from(bytes).toString('latin1')).toBe(turned('0123456789'));
    }
    expect([one.conversions.length, two.conversions.length].sort()).toEqual([0, 1]);
  });

  it('MC-9 errors arrive as what they are', async () => {
    const { url } = await serve();
    const clock = new FakeClock();
    const client = createMediaClient({ nodes: () => [url], tokens, clock });
    const nowhere = createMediaClient({ nodes: () => [], tokens, clock });
    opened.push(
      () => client.close(),
      () => nowhere.close(),
    );
    const source = { kind: 'url', url: `${origin.url}/nowhere` } as const;
    await expect(client.audio(ACCOUNT, source)).rejects.toMatchObject({ reason: 'http-status', code: 11_200 });
    await expect(nowhere.audio(ACCOUNT, source)).rejects.toThrow('role media');
    const prompts = layerPrompts(client.audio, silentLog);
    expect(await prompts.fetch({ accountSid: ACCOUNT, url: source.url })).toMatchObject({ ok: false, code: 11_200 });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('audio that is heard while it is made', () => {
  const BODY = 'ab'.repeat(200);
  /** A layer whose conversions stop after their first half, its client, and a reader of what comes. */
  async function stream(path: string, second: Promise<void>) {
    const server = await serve({ halfway: () => second });
    audio(path, BODY);
    const client = createMediaClient({ nodes: () => [server.url], tokens, clock: systemClock });
    opened.push(() => client.close());
    const result = await layerPrompts(client.audio, silentLog).fetch({ accountSid: ACCOUNT, url: origin.url + path });
    if (!result.ok || result.wav instanceof Uint8Array) throw new Error('there is no stream');
    return { ...server, reader: result.wav.read(), stream: result.wav };
  }
  const take = (reader: AudioStreamReader, bytes = 200): string | undefined => {
    const taken = reader.take(bytes);
    return taken === undefined ? undefined : Buffer.from(taken).toString('latin1');
  };

  it('MC-8 begins before the conversion has ended, waits where it stalls, and is whole at the end', async () => {
    const second = Promise.withResolvers<void>();
    const { reader, stream: audioStream } = await stream('/grows', second.promise);
    expect(take(reader)).toBe(turned(BODY.slice(0, 200)));
    expect([take(reader), take(reader, 1)]).toEqual(['', '']);
    second.resolve();
    await eventually(() => {
      const rest = take(reader);
      if (rest === '') throw new Error('not yet');
      expect(rest).toBe(turned(BODY.slice(200)));
    });
    await eventually(() => {
      expect(take(reader)).toBeUndefined();
    });
    reader.rewind();
    expect(take(reader, 400)).toBe(turned(BODY));
    reader.close();
    expect(take(audioStream.read(), 400)).toBe(turned(BODY));
  });

  it('MC-8 breaks off with its reason when the conversion fails in the middle', async () => {
    const second = Promise.withResolvers<void>();
    const { reader } = await stream('/breaks', second.promise);
    expect(take(reader)).toBe(turned(BODY.slice(0, 200)));
    second.reject(new Error('the converter died'));
    await eventually(() => {
      expect(() => take(reader)).toThrow('broke off after 200 bytes');
    });
  });

  it('MC-8 nobody listens any more: the transfer ends, what is made is made for the others', async () => {
    const second = Promise.withResolvers<void>();
    const { reader, layer, url } = await stream('/left', second.promise);
    reader.close();
    await eventually(() => {
      expect(() => reader.take(400)).toThrow('broke off');
    });
    second.resolve();
    await layer.settled();
    const again = await fetch(url + resource('/left'), { headers: bearer() });
    expect([await bodyOf(again), origin.count('/left')]).toEqual([turned(BODY), 1]);
  });
});

describe('audio that is made ahead', () => {
  it('MC-7 is there when it is asked for; what may not be kept is fetched by whoever asks', async () => {
    const server = await serve();
    audio('/ahead');
    audio('/not-kept', 'secret', { 'cache-control': 'no-store' });
    const client = createMediaClient({ nodes: () => [server.url], tokens, clock: systemClock });
    opened.push(() => client.close());
    const prompts = layerPrompts(client.audio, silentLog, client.prefetch);
    for (const path of ['/ahead', '/not-kept', '/ahead-nowhere'])
      prompts.prefetch?.({ kind: 'fetch', accountSid: ACCOUNT, url: origin.url + path });
    await eventually(() => {
      expect(server.conversions).toHaveLength(2);
      expect(origin.count('/ahead-nowhere')).toBe(1);
    });
    await server.layer.settled();
    for (const path of ['/ahead', '/not-kept']) {
      expect(await prompts.fetch({ accountSid: ACCOUNT, url: origin.url + path })).toMatchObject({ ok: true });
    }
    expect([origin.count('/ahead'), origin.count('/not-kept'), server.conversions.length]).toEqual([1, 2, 3]);
  });

  it('MC-7 one at a time, beside what is waited for', async () => {
    const first = Promise.withResolvers<void>();
    const { layer } = await serve();
    origin.serve('/slow', (_request, response) => void first.promise.then(() => response.end('slow')));
    audio('/next');
    audio('/now');
    const of = (path: string) => ({
      accountSid: ACCOUNT,
      source: { kind: 'url', url: origin.url + path } as const,
      form: { codec: 'pcmu', rate: 8000 } as const,
    });
    layer.prefetch(of('/slow'));
    layer.prefetch(of('/next'));
    await layer.get(of('/now'));
    expect([origin.count('/slow'), origin.count('/next'), origin.count('/now')]).toEqual([1, 0, 1]);
    first.resolve();
    await layer.settled();
    expect(origin.count('/next')).toBe(1);
  });
});

describe('tokens of the cluster', () => {
  it('MC-6 are good for one account and some minutes', () => {
    const clock = new FakeClock();
    const [one, other] = [new NodeTokens(new Uint8Array(32), clock), new NodeTokens(new Uint8Array(32).fill(9), clock)];
    const token = one.issue(ACCOUNT);
    expect([one.accountOf(token), other.accountOf(token)]).toEqual([ACCOUNT, undefined]);
    expect(one.accountOf(token.replace(ACCOUNT, OTHER))).toBeUndefined();
    expect(one.accountOf(token.replace(/\.\d+\./, '.99999999999.'))).toBeUndefined();
    expect(one.issue(ACCOUNT)).toBe(token);
    clock.advance(200_000);
    expect(one.issue(ACCOUNT)).not.toBe(token);
    clock.advance(170_000);
    expect(one.accountOf(token)).toBeUndefined();
  });
});

it('MC-1 ranges and tags as RFC 9110 has them', () => {
  expect(['bytes=0-0', 'bytes=5-', 'bytes=-4', 'bytes=-40', 'bytes=3-99'].map((text) => readRange(text, 10))).toEqual([
    { start: 0, end: 0 },
    { start: 5, end: 9 },
    { start: 6, end: 9 },
    { start: 0, end: 9 },
    { start: 3, end: 9 },
  ]);
  expect(['bytes=10-', 'bytes=-0'].map((text) => readRange(text, 10))).toEqual(['unsatisfiable', 'unsatisfiable']);
  for (const text of [undefined, '', 'bytes=', 'bytes=-', 'bytes=4-2', 'bytes=0-1,3-4', 'items=0-1', 'bytes=a-b']) {
    expect(readRange(text, 10)).toBeUndefined();
  }
  expect(readRange('bytes=-3', 0)).toBe('unsatisfiable');
  expect([matchesTag('*', '"a"'), matchesTag('"b", W/"a"', '"a"'), matchesTag('"b"', '"a"')]).toEqual([
    true,
    true,
    false,
  ]);
});

const fileOf = (audio: PromptAudio): Uint8Array => {
  if (audio instanceof Uint8Array) return audio;
  throw new Error('this is a stream');
};

describe('with real programs', () => {
  it('MC-1 what is known of audio: length, level, form, source, hash, age; as fields and as JSON', async () => {
    const clock = new FakeClock();
    const { url, layer } = await serve({ clock, converter: createConverter() });
    const file = join(await mkdtemp(join(tmpdir(), 'media-info-')), 'tone.flac');
    execFileSync('sox', ['-n', '-D', '-r', '44100', '-c', '2', file, 'synth', '1.5', 'sine', '1000', 'gain', '-6']);
    const content = await readFile(file);
    await rm(dirname(file), { recursive: true });
    origin.serve('/tone.flac', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'max-age=60' }).end(content);
    });
    const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      fetch(url + path, { method, headers: { ...bearer(), ...headers } });
    const first = await ask(resource('/tone.flac'));
    const body = Buffer.from(await first.arrayBuffer());
    const address = first.headers.get('content-location') ?? '';
    await layer.settled();
    clock.advance(7000);
    const hash = createHash('sha256').update(body);
    const [base64, base64url] = [hash.copy().digest('base64'), hash.digest('base64url')];
    const head = await ask(resource('/tone.flac'), {}, 'HEAD');
    expect(Object.fromEntries(head.headers)).toMatchObject({
      ...{ 'content-length': '12000', 'repr-digest': `sha-256=:${base64}:`, age: '7' },
      'media-info': expect.stringMatching(
        /^duration=1\.500, peak=-(5\.[89]|6\.[0-3])\d, rms=-(8\.[89]|9\.[0-3])\d, codec=pcmu, rate=8000, source="audio\/flac"$/,
      ) as unknown,
    });
    const json = { accept: 'application/json' };
    const info = (await (await ask(resource('/tone.flac'), json)).json()) as { peakDb: number; rmsDb: number };
    expect(info).toMatchObject({
      ...{ address, codec: 'pcmu', rate: 8000, contentType: 'audio/basic', bytes: 12_000, durationSeconds: 1.5 },
      ...{ sha256: base64url, sourceType: 'audio/flac', ageSeconds: 7 },
    });
    expect(Math.abs(info.peakDb + 6)).toBeLessThan(0.4);
    expect(Math.abs(info.rmsDb + 9.01)).toBeLessThan(0.3);
    expect(await (await ask(address, json)).json()).toEqual({ ...info, ageSeconds: 0 });
    // Before it is made, it is waited for.
    const opus = await (await ask(resource('/tone.flac', '&codec=opus&rate=48000'), json)).json();
    expect(opus).toMatchObject({ durationSeconds: 1.5, peakDb: null, contentType: 'audio/ogg;codecs=opus' });
  }, 30_000);

  it('MC-3 a recording and a text become telephone audio of their own length', async () => {
    const origins = createOrigins({ policy: addressPolicy(['127.0.0.0/8']) });
    opened.push(() => origins.close());
    const converter = createConverter();
    const voices = createVoices({ engine: createSpeech() });
    const { layer } = testLayer({ clock: systemClock, origins, converter, voices });
    const tone = Int16Array.from({ length: 44_100 }, (_, at) =>
      Math.round(8000 * Math.sin((2 * Math.PI * 440 * at) / 44_100)),
    );
    const wav = Buffer.from(encodeWav(tone));
    wav.writeUInt32LE(44_100, 24);
    wav.writeUInt32LE(88_200, 28);
    origin.serve('/tone.wav', (_request, response) => response.end(wav));
    const prompts = layerPrompts(async (accountSid, source) => {
      const { body } = await layer.get({ accountSid, source, form: { codec: 'pcmu', rate: 8000 } });
      return body instanceof Uint8Array ? body : await body.whole;
    }, silentLog);
    const played = await prompts.fetch({ accountSid: ACCOUNT, url: `${origin.url}/tone.wav` });
    if (!played.ok) throw new Error(played.message);
    const samples = decodeWav(fileOf(played.wav));
    expect(Math.abs(samples.length - 8000)).toBeLessThanOrEqual(2);
    const level = Math.sqrt(samples.subarray(1000, 7000).reduce((sum, value) => sum + value * value, 0) / 6000);
    expect(Math.abs(20 * Math.log10(level / (8000 / Math.SQRT2)))).toBeLessThan(0.5);
    const said = await prompts.say({ accountSid: ACCOUNT, text: 'One two three.' });
    expect(said.ok && decodeWav(fileOf(said.wav)).length).toBeGreaterThan(4000);
    origin.serve('/page.html', (_request, response) => response.end('<html>no audio at all</html>'));
    const page = await prompts.fetch({ accountSid: ACCOUNT, url: `${origin.url}/page.html` });
    expect(page).toMatchObject({ ok: false, code: 12_300 });
    expect(await createVoices({ engine: createSpeech() }).fingerprint({ text: ' a  b ' })).toBe(
      await voices.fingerprint({ text: 'a b' }),
    );
    await layer.settled();
  }, 30_000);
});
