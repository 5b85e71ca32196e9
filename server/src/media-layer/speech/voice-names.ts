/** What a voice name of an application asks for, as far as an offline voice can follow. */
export interface VoiceWish {
  readonly gender: 'female' | 'male';
  /** BCP 47; undefined: the name says nothing of it. */
  readonly language?: string;
}

/** Part of every fingerprint of speech: raise it when a name leads to another voice than before. */
export const VOICE_NAMES_VERSION = 'names-2';

/** Names of Amazon Polly by language; those of men with an asterisk. */
const POLLY: Readonly<Record<string, string>> = {
  'ar-AE': 'Hala Zayd*',
  arb: 'Zeina',
  'ca-ES': 'Arlet',
  'cmn-CN': 'Zhiyu',
  'cs-CZ': 'Jitka',
  'cy-GB': 'Gwyneth',
  'da-DK': 'Naja Mads* Sofie',
  'de-AT': 'Hannah',
  'de-CH': 'Sabrina',
  'de-DE': 'Marlene Vicki Hans* Daniel*',
  'en-AU': 'Nicole Olivia Russell*',
  'en-GB': 'Amy Emma Brian* Arthur*',
  'en-GB-WLS': 'Geraint*',
  'en-IE': 'Niamh',
  'en-IN': 'Raveena Aditi Kajal',
  'en-NZ': 'Aria',
  'en-US': 'Joanna Ivy Kendra Kimberly Salli Ruth Danielle Joey* Justin* Kevin* Matthew* Stephen* Gregory*',
  'en-ZA': 'Ayanda',
  'es-ES': 'Conchita Lucia Enrique* Sergio*',
  'es-MX': 'Mia Andres*',
  'es-US': 'Lupe Penelope Miguel* Pedro*',
  'fi-FI': 'Suvi',
  'fr-BE': 'Isabelle',
  'fr-CA': 'Chantal Gabrielle Liam*',
  'fr-FR': 'Celine Lea Mathieu* Remi*',
  'hi-IN': 'Aditi Kajal',
  'is-IS': 'Dora Karl*',
  'it-IT': 'Bianca Carla Giorgio* Adriano*',
  'ja-JP': 'Mizuki Kazuha Tomoko Takumi*',
  'ko-KR': 'Seoyeon',
  'nb-NO': 'Liv Ida',
  'nl-BE': 'Lisa',
  'nl-NL': 'Lotte Laura Ruben*',
  'pl-PL': 'Ewa Maja Ola Jacek* Jan*',
  'pt-BR': 'Camila Vitoria Ricardo* Thiago*',
  'pt-PT': 'Ines Cristiano*',
  'ro-RO': 'Carmen',
  'ru-RU': 'Tatyana Maxim*',
  'sv-SE': 'Astrid Elin',
  'tr-TR': 'Filiz Burcu',
  'yue-CN': 'Hiujin',
};

/** The first language that has the name is its own: some voices speak two. */
const BY_NAME = new Map(
  Object.entries(POLLY)
    .flatMap(([language, names]) => names.split(' ').map((name) => [name, language] as const))
    .reverse()
    .map(([name, language]): [string, VoiceWish] => [
      name.replace('*', '').toLowerCase(),
      { gender: name.endsWith('*') ? 'male' : 'female', language },
    ]),
);

/**
 * `man`, `woman`, `alice`, `Polly.NAME` with `-Neural` and its like, `Google.LANGUAGE-...`; names that nobody knows ask for a woman.
 * A provider's voice has its own language, whatever else is asked for.
 */
export function voiceWish(voice: string | undefined): VoiceWish {
  const name = (voice ?? '').toLowerCase();
  if (name === 'man' || name === 'rms') return { gender: 'male' };
  const [, provider, rest = ''] = /^(polly|google)\.(.{1,60})$/.exec(name) ?? [];
  if (provider === 'polly') return BY_NAME.get(rest.split('-')[0] ?? '') ?? { gender: 'female' };
  const language = /^[a-z]{2,3}-[a-z]{2}(?=-)/.exec(rest)?.[0];
  return provider === 'google' && language !== undefined ? { gender: 'female', language } : { gender: 'female' };
}
