import { describe, expect, it } from 'vitest';
import { decodeWav } from '../../media/index.ts';
import { createVoices } from '../resources/voices.child.ts';
import { createSpeech } from '../speech.child.ts';
import { voiceWish } from './voice-names.ts';

describe('names of voices', () => {
  it.each([
    [undefined, { gender: 'female' }],
    ['man', { gender: 'male' }],
    ['Woman', { gender: 'female' }],
    ['alice', { gender: 'female' }],
    ['Polly.Joanna', { gender: 'female', language: 'en-US' }],
    ['Polly.Matthew-Neural', { gender: 'male', language: 'en-US' }],
    ['Polly.Hans', { gender: 'male', language: 'de-DE' }],
    ['polly.aditi', { gender: 'female', language: 'en-IN' }],
    ['Polly.Nobody', { gender: 'female' }],
    ['Google.de-DE-Standard-A', { gender: 'female', language: 'de-de' }],
    ['Google.constructor', { gender: 'female' }],
    ['__proto__', { gender: 'female' }],
  ])('MC-4 %s', (voice, wish) => {
    expect(voiceWish(voice)).toEqual(wish);
  });

  it('MC-4 a voice of a language speaks it: the same words are other sounds, and other addresses', async () => {
    const speech = createSpeech();
    const say = async (voice: string): Promise<Int16Array> =>
      decodeWav(await speech.synthesize({ text: 'eins zwei', voice }));
    const [hans, joanna, german] = await Promise.all([
      say('Polly.Hans'),
      say('Polly.Joanna'),
      speech.synthesize({ text: 'eins zwei', voice: 'man', language: 'de-DE' }).then(decodeWav),
    ]);
    expect(hans).toEqual(german);
    expect(hans).not.toEqual(joanna);
    const voices = createVoices({ engine: speech });
    const prints = await Promise.all(
      ['Polly.Hans', 'Polly.Joanna', 'man'].map((voice) => voices.fingerprint({ text: 'eins', voice })),
    );
    expect(new Set(prints).size).toBe(3);
  }, 60_000);
});
