/** Tags whose espeak-ng voice is not simply their primary language. */
const ESPEAK_VOICES: Readonly<Record<string, string>> = {
  'en-us': 'en-us',
  'en-gb': 'en-gb',
  'en-au': 'en-gb',
  'es-mx': 'es-419',
  'es-us': 'es-419',
  'pt-br': 'pt-br',
  'fr-be': 'fr-be',
  'fr-ch': 'fr-ch',
  'zh-cn': 'cmn',
  'zh-tw': 'cmn',
  'zh-hk': 'yue',
  'cmn-cn': 'cmn',
  'yue-cn': 'yue',
  'ar-ae': 'ar',
  arb: 'ar',
  no: 'nb',
  zh: 'cmn',
};

/** The voice of espeak-ng for a BCP 47 tag, or undefined when the tag is none (it becomes an argument of a program). */
export function espeakVoice(language: string): string | undefined {
  const tag = language.toLowerCase();
  if (!/^[a-z]{2,3}(-[a-z0-9]{2,8})*$/.test(tag)) return undefined;
  const primary = tag.split('-')[0] ?? tag;
  const [exact, general] = [tag, primary].map((key) =>
    Object.hasOwn(ESPEAK_VOICES, key) ? ESPEAK_VOICES[key] : undefined,
  );
  return exact ?? general ?? primary;
}
