import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import { silentLog } from '../kernel/index.ts';
import { decodeWav, encodeWav } from '../media/index.ts';
import { createFetcher } from './fetch.undici.ts';
import { Limiter } from './limiter.ts';
import { LruCache } from './lru-cache.ts';
import { createPrompts } from './prompts.ts';
import { PromptError } from './prompt-error.ts';
import { espeakVoice } from './speech-language.ts';
import { createSpeech } from './speech.child.ts';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function origin(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : 0)}`;
}
function fetcher(options: Parameters<typeof createFetcher>[0] = {}) {
  const made = createFetcher(options);
  open.push(() => made.close());
  return made;
}
const WAV = encodeWav(Int16Array.from({ length: 800 }, (_, at) => at));

describe('speech', () => {
  it.each([
    ['en-US', undefined],
    ['en-GB', 'man'],
    ['de-DE', 'woman'],
  ])('speaks %s as a wav file with sound in it', async (language, voice) => {
    const wav = await createSpeech().synthesize({ text: 'One two three.', language, ...(voice && { voice }) });
    const samples = decodeWav(wav);
    expect(samples.length).toBeGreaterThan(4000);
    expect(Math.max(...samples)).toBeGreaterThan(1000);
  });

  it('falls back to espeak-ng where flite is missing, and says so where both are', async () => {
    const wav = await createSpeech({ flite: 'no-such-program' }).synthesize({ text: 'hello' });
    expect(decodeWav(wav).length).toBeGreaterThan(1000);
    const neither = createSpeech({ flite: 'no-such-program', espeak: 'nor-this' }).synthesize({ text: 'hello' });
    await expect(neither).rejects.toMatchObject({ reason: 'engine' });
    await expect(neither).rejects.toThrow('npm run setup');
  });

  it('text is data: options, shell code and markup are only spoken', async () => {
    const wav = await createSpeech().synthesize({ text: '-w /tmp/x; $(touch /tmp/y) `id` <speak>', language: 'de' });
    expect(decodeWav(wav).length).toBeGreaterThan(1000);
  });

  it.each([
    ['bad-text', 'en-US', ''],
    ['bad-text', 'en-US', 'x'.repeat(5000)],
    ['language', '-w/tmp/x', 'hello'],
    ['language', 'xx', 'hello'],
  ])('refuses with %s: language %s', async (reason, language, text) => {
    await expect(createSpeech().synthesize({ text, language })).rejects.toMatchObject({ reason });
  });

  it('a program that hangs is killed in time and leaves no files', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hang-'));
    const program = join(directory, 'hang');
    await writeFile(program, '#!/bin/sh\nexec sleep 60\n');
    await chmod(program, 0o755);
    const left = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('hookswitch-speech-'));
    const before = await left();
    const speech = createSpeech({ flite: program, timeoutMs: 100 });
    await expect(speech.synthesize({ text: 'hello' })).rejects.toThrow('took too long');
    expect((await left()).filter((name) => !before.includes(name))).toEqual([]);
    await rm(directory, { recursive: true });
  });

  it('maps language tags to voices', () => {
    expect(['en-US', 'de-DE', 'cmn-CN', 'pt-PT', 'arb', 'constructor'].map(espeakVoice)).toEqual([
      'en-us',
      'de',
      'cmn',
      'pt',
      'ar',
      undefined,
    ]);
  });
});

describe('fetching a recording', () => {
  it('returns a wav file as it is, after redirects, with basic authentication for its own host', async () => {
    const seen: (string | undefined)[] = [];
    const other = await origin((request, response) => {
      seen.push(request.headers.authorization);
      response.setHeader('content-type', 'application/octet-stream').end(WAV);
    });
    const url = await origin((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(302, { location: request.url === '/a.wav' ? '/b.wav' : `${other}/c.wav` }).end();
    });
    const wav = await fetcher().fetch(url.replace('//', '//ann:secret@') + '/a.wav');
    expect(Buffer.from(wav).equals(Buffer.from(WAV))).toBe(true);
    const basic = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
    expect(seen).toEqual([basic, basic, undefined]);
  });

  it('wraps headerless mu-law', async () => {
    const url = await origin((_, response) => {
      response.setHeader('content-type', 'audio/basic').end(Buffer.alloc(8000, 0x80));
    });
    const samples = decodeWav(await fetcher().fetch(url));
    expect(samples.length).toBe(8000);
    expect(samples[4000]).toBe(32_124);
  });

  it.each<[string, RequestListener, string]>([
    ['not found', (_, response) => response.writeHead(404).end('no'), 'http-status'],
    ['no audio', (_, response) => response.setHeader('content-type', 'text/html').end('<p>'), 'not-audio'],
    ['endless redirects', (_, response) => response.writeHead(301, { location: '/again' }).end(), 'redirects'],
    [
      'redirect to a file',
      (_, response) => response.writeHead(301, { location: 'file:///etc/passwd' }).end(),
      'bad-url',
    ],
    [
      'announced too large',
      (_, response) => response.writeHead(200, { 'content-length': '200000' }).write('x'),
      'too-large',
    ],
    ['too large without saying', (_, response) => response.end(Buffer.alloc(200_000)), 'too-large'],
    ['a cut connection', (request) => request.socket.destroy(), 'connection'],
  ])('fails with a reason: %s', async (_name, listener, reason) => {
    const url = await origin(listener);
    await expect(fetcher({ maxBytes: 100_000 }).fetch(`${url}/x?key=secret`)).rejects.toMatchObject({
      reason,
      message: expect.not.stringContaining('secret') as unknown,
    });
  });

  it('gives up in time on a server that never answers', async () => {
    const clock = new FakeClock();
    const asked = Promise.withResolvers<void>();
    const url = await origin(() => {
      asked.resolve();
    });
    const fetched = fetcher({ clock, timeoutMs: 3000 }).fetch(url);
    await asked.promise;
    clock.advance(3000);
    await expect(fetched).rejects.toMatchObject({ reason: 'connection', code: 11_205 });
    expect(clock.pendingTimers).toBe(0);
  });

  it('refuses what is no web address', async () => {
    await expect(fetcher().fetch('file:///etc/passwd')).rejects.toMatchObject({ code: 11_210 });
    await expect(fetcher().fetch('nonsense')).rejects.toMatchObject({ code: 11_210 });
  });
});

describe('prompts', () => {
  const counting = (result: Uint8Array | Error) => {
    const calls: string[] = [];
    const make = (key: string): Promise<Uint8Array> => {
      calls.push(key);
      return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
    };
    return {
      calls,
      speech: { synthesize: ({ text }: { text: string }) => make(text) },
      fetcher: { fetch: make, close: () => Promise.resolve() },
    };
  };

  it('the same text is spoken once, also when asked twice at the same time', async () => {
    const parts = counting(WAV);
    const prompts = createPrompts({ ...parts, log: silentLog, clock: new FakeClock() });
    const say = () => prompts.say({ accountSid: 'AC1', text: 'hi' });
    await Promise.all([say(), say()]);
    await expect(say()).resolves.toEqual({ ok: true, wav: WAV });
    expect(parts.calls).toEqual(['hi']);
  });

  it('recordings are kept for seconds and apart by account', async () => {
    const clock = new FakeClock();
    const parts = counting(WAV);
    const prompts = createPrompts({ ...parts, log: silentLog, clock });
    await prompts.fetch({ accountSid: 'AC1', url: 'u' });
    await prompts.fetch({ accountSid: 'AC1', url: 'u' });
    await prompts.fetch({ accountSid: 'AC2', url: 'u' });
    expect(parts.calls).toHaveLength(2);
    clock.advance(10_001);
    await prompts.fetch({ accountSid: 'AC1', url: 'u' });
    expect(parts.calls).toHaveLength(3);
  });

  it('a failure is an answer with code and reason, and is not kept', async () => {
    const parts = counting(new PromptError('http-status', 'it answered 404'));
    const prompts = createPrompts({ ...parts, log: silentLog });
    const result = { ok: false, code: 11_200, message: 'it answered 404' };
    await expect(prompts.fetch({ accountSid: 'AC1', url: 'u' })).resolves.toEqual(result);
    await prompts.fetch({ accountSid: 'AC1', url: 'u' });
    expect(parts.calls).toHaveLength(2);
    const broken = createPrompts({ ...counting(new Error('boom')), log: silentLog });
    await expect(broken.say({ accountSid: 'AC1', text: 'x' })).resolves.toMatchObject({ ok: false, code: 12_400 });
  });
});

it('the cache is bounded in bytes and drops the least recently used', () => {
  const cache = new LruCache({ clock: new FakeClock(), maxBytes: 400 });
  for (const key of ['a', 'b', 'c', 'd']) cache.set(key, new Uint8Array(100), 1000);
  cache.get('a');
  cache.set('e', new Uint8Array(100), 1000);
  expect(['a', 'b', 'c'].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true]);
  cache.set('huge', new Uint8Array(200), 1000);
  expect([cache.bytes, cache.get('huge')]).toEqual([400, undefined]);
});

it('the limiter runs a few at once, keeps order, refuses when too many wait', async () => {
  const limiter = new Limiter({ atOnce: 1, waiting: 1 });
  const [first, order] = [Promise.withResolvers<void>(), [] as number[]];
  const one = limiter.run(() => first.promise.then(() => order.push(1)));
  const two = limiter.run(() => Promise.resolve(order.push(2)));
  expect(limiter.run(() => Promise.resolve(3))).toBeUndefined();
  first.resolve();
  await Promise.all([one, two]);
  expect(order).toEqual([1, 2]);
});
