/** Part of what names spoken audio: raised when the same mark-up sounds different. */
export const MARKUP_VERSION = '1';

const LANG = /<(\/?)lang\b/gi;
const VOLUME = /(<prosody\b[^>]*?\bvolume\s*=\s*["'])([+-]?\d+(?:\.\d+)?)dB(["'])/gi;
const DIGITS = /(<say-as\b[^>]*?\binterpret-as\s*=\s*["'])(?:digits|number_digit)(["'])/gi;
const ORDINAL = /<say-as\b[^>]*?\binterpret-as\s*=\s*["']ordinal["'][^>]*>\s*(\d+)\s*<\/say-as>/gi;
/** espeak-ng takes a volume in per cent of the usual one. */
const MOST_VOLUME = 300;

/**
 * SSML as espeak-ng understands it. Of SSML 1.1 and what Twilio documents it does not know `lang`, decibels, and numbers as digits or
 * as ordinals, and reads over them: they become what it knows. The rest is left as it is.
 *
 * @param language BCP 47 tag; ordinals are written for English only
 */
export function espeakMarkup(ssml: string, language: string): string {
  const known = ssml
    .replace(LANG, '<$1voice')
    .replace(VOLUME, (_all, before: string, decibels: string, after: string) => {
      const percent = Math.min(MOST_VOLUME, 100 * 10 ** (Number(decibels) / 20));
      return `${before}${String(Math.round(percent))}${after}`;
    })
    .replace(DIGITS, '$1telephone$2');
  return /^en\b/i.test(language) ? known.replace(ORDINAL, (_all, digits: string) => ordinal(digits)) : known;
}

const ENDINGS: Readonly<Record<string, string>> = { 1: 'st', 2: 'nd', 3: 'rd' };

function ordinal(digits: string): string {
  const teens = /1\d$/.test(digits);
  return `${digits}${(teens ? undefined : ENDINGS[digits.slice(-1)]) ?? 'th'}`;
}
