import { z } from 'zod';
import { idOf } from '../resources/addresses.ts';
import type { SpeechRequest } from '../ports.ts';
import { PromptError } from '../prompt-error.ts';
import { voiceWish } from './voice-names.ts';

const schema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  /** Values may hold `${env:NAME}` and `${file:/path}`. */
  headers: z.record(z.string().regex(/^[\w-]{1,100}$/), z.string().max(8192)).default({}),
  /** A string: XML or plain text, with its content type among the headers. Anything else is sent as JSON. */
  body: z.json(),
  /** By name, `language/gender`, language, `gender`, and `*`: the name at the service. */
  voices: z.record(z.string(), z.string().min(1).max(200)).default({ '*': 'default' }),
  accept: z
    .array(z.string().regex(/^audio\/[\w.+-]+$/))
    .min(1)
    .default(['audio/wav', 'audio/mpeg', 'audio/ogg']),
  /** The response is JSON, and this member of it the audio in base64. */
  audioMember: z.string().min(1).optional(),
  /** What the audio is, where the service does not say it: audio/basic for mu-law without a header. */
  contentType: z.string().optional(),
  /** Changed by the operator when the service sounds different, so that what is kept is spoken anew. */
  version: z.string().max(200).default(''),
  timeoutMs: z.int().min(100).max(60_000).default(10_000),
  maxBytes: z.int().min(1000).max(67_108_864).default(16_777_216),
  /** Whether offline voices speak when the service does not. */
  fallback: z.boolean().default(true),
});

export type HttpVoiceConfig = z.infer<typeof schema>;
type Json = HttpVoiceConfig['body'];

/** Where secrets come from. Both throw when there is nothing. */
export interface SecretSources {
  env(name: string): string;
  file(path: string): string;
}

/** @param text JSON @returns the settings with secrets, and the version, which is made of all that shapes the audio and of no secret @throws Error that says what to mend */
export function readVoiceConfig(
  text: string,
  secrets: SecretSources,
): { readonly config: HttpVoiceConfig; readonly version: string } {
  const parsed = schema.safeParse(JSON.parse(text));
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  const { data } = parsed;
  const { url, body, voices, accept, audioMember = '', contentType = '', version } = data;
  const shaping = idOf(url, JSON.stringify([body, voices, accept]), audioMember, contentType, version);
  const headers = Object.entries(data.headers).map(([name, value]) => [
    name.toLowerCase(),
    value.replace(/\$\{(env|file):([^}]+)\}/g, (_all, kind: 'env' | 'file', of: string) => secrets[kind](of).trim()),
  ]);
  return { config: { ...data, headers: Object.fromEntries(headers) as Record<string, string> }, version: shaping };
}

/** What a request says to the service. */
export interface VoiceCall {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** @throws PromptError `language`: no voice is mapped to it */
export function voiceCall({ url, headers, body, voices, accept }: HttpVoiceConfig, request: SpeechRequest): VoiceCall {
  const wish = voiceWish(request.voice);
  const language = wish.language ?? request.language ?? 'en-US';
  const voice = mapped(voices, request.voice ?? '', [language, wish.gender]);
  const ssml = `<speak>${request.ssml ?? escapeXml(request.text)}</speak>`;
  const values: Readonly<Record<string, string>> = { text: request.text, ssml, voice, language };
  const fill = (template: string, write: (value: string, name: string) => string): string =>
    template.replace(/\{(text|ssml|voice|language)\}/g, (_all, name: string) => write(values[name] ?? '', name));
  const json = (value: Json): Json => {
    if (typeof value === 'string') return fill(value, (plain) => plain);
    if (Array.isArray(value)) return value.map(json);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, json(of)]));
  };
  const isText = typeof body === 'string';
  return {
    url: fill(url, (value) => encodeURIComponent(value)),
    headers: { accept: accept.join(', '), 'content-type': isText ? 'text/plain' : 'application/json', ...headers },
    body: isText
      ? fill(body, (value, name) => (name === 'ssml' ? value : escapeXml(value)))
      : JSON.stringify(json(body)),
  };
}

function mapped(voices: HttpVoiceConfig['voices'], name: string, [language, gender]: [string, string]): string {
  const byName = new Map(Object.entries(voices).map(([key, value]) => [key.toLowerCase(), value]));
  const primary = language.split('-')[0] ?? language;
  const keys = [name, `${language}/${gender}`, language, `${primary}/${gender}`, primary, gender, '*'];
  const found = keys.flatMap((key) => byName.get(key.toLowerCase()) ?? [])[0];
  if (found !== undefined) return found;
  throw new PromptError(
    'language',
    `no remote voice is configured for "${name.slice(0, 40)}" in ${language.slice(0, 40)}`,
  );
}

const ENTITIES: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&quot;',
  "'": '&apos;',
};
const escapeXml = (text: string): string => text.replace(/[<>&"']/g, (char) => ENTITIES[char] ?? char);
