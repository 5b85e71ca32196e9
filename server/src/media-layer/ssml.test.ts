import { describe, expect, it } from 'vitest';
import { decodeWav } from '../media/index.ts';
import { createSpeech } from './speech.child.ts';
import { espeakMarkup } from './speech/espeak-markup.ts';

const samples = async (ssml: string): Promise<Int16Array> =>
  decodeWav(await createSpeech().synthesize({ text: 'one two', ssml }));
const seconds = async (ssml: string): Promise<number> => (await samples(ssml)).length / 8000;
const level = async (ssml: string): Promise<number> => {
  const heard = await samples(ssml);
  return 10 * Math.log10(heard.reduce((sum, value) => sum + value * value, 0) / heard.length);
};

describe('SSML', () => {
  it('CR-1 a break is as long as it says, prosody changes the rate, sub says something else', async () => {
    const plain = await seconds('one two');
    expect((await seconds('one <break time="2s"></break> two')) - plain).toBeGreaterThan(1.5);
    expect(await seconds('<prosody rate="slow">one two</prosody>')).toBeGreaterThan(plain * 1.1);
    expect(await seconds('<sub alias="one thousand two hundred and fifty two">1</sub>')).toBeGreaterThan(plain * 1.3);
  });

  it('MC-4 what espeak-ng has under other names: language, decibels, digits, ordinals', async () => {
    const french = 'bonjour tout le monde';
    expect(await seconds(`<lang xml:lang="fr-FR">${french}</lang>`)).toBeLessThan((await seconds(french)) * 0.9);
    const quieter = (await level('one two')) - (await level('<prosody rate="medium" volume="-12dB">one two</prosody>'));
    expect(Math.abs(quieter - 12)).toBeLessThan(1);
    expect(await seconds('<say-as interpret-as="digits">1234</say-as>')).toBeLessThan((await seconds('1234')) * 0.8);
    const third = await samples('the <say-as interpret-as="ordinal">3</say-as> one');
    expect(third).toEqual(await samples('the third one'));
  });

  it('MC-4 the rest is left as it is', () => {
    const other =
      '<prosody volume="loud" rate="50%">1 &lt; 2 <say-as interpret-as="date">1/2</say-as></prosody><p>x</p>';
    expect(espeakMarkup(other, 'en-GB')).toBe(other);
    const said = (number: string, language: string): string =>
      espeakMarkup(`<say-as interpret-as='ordinal'>${number}</say-as>`, language);
    expect(['1', '2', '3', '11', '12', '13', '21', '40'].map((number) => said(number, 'en-US'))).toEqual([
      ...['1st', '2nd', '3rd', '11th', '12th', '13th', '21st', '40th'],
    ]);
    expect(said('3', 'de-DE')).toBe(said('3', 'de-DE').replace('3rd', '3'));
    expect(said('3', 'de-DE')).toContain('ordinal');
    expect(espeakMarkup('<prosody volume="+60dB">', 'en')).toBe('<prosody volume="300">');
    expect(espeakMarkup('<langley>', 'en')).toBe('<langley>');
  });
});
