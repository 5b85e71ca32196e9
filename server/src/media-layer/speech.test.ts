import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { decodeWav } from '../media/index.ts';
import { Limiter } from './limiter.ts';
import { espeakVoice } from './speech-language.ts';
import { createSpeech } from './speech.child.ts';

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
    // A place of its own: other tests speak too.
    const own = join(directory, 'tmp');
    await mkdir(own);
    vi.stubEnv('TMPDIR', own);
    try {
      const speech = createSpeech({ flite: program, timeoutMs: 100 });
      await expect(speech.synthesize({ text: 'hello' })).rejects.toThrow('took too long');
    } finally {
      vi.unstubAllEnvs();
    }
    expect(await readdir(own)).toEqual([]);
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
