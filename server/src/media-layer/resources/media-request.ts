import type { SpeechRequest } from '../ports.ts';
import type { SourceFacts } from '../cache/ports.ts';
import type { AudioForm } from './forms.ts';
import { idOf } from './addresses.ts';
import type { AskedFor, HeaderFields } from './freshness.ts';

export type MediaSource =
  | {
      readonly kind: 'url';
      readonly url: string;
      /** Sent to the origin as Accept-Language. */
      readonly language?: string | undefined;
    }
  | ({ readonly kind: 'speech' } & SpeechRequest)
  | { readonly kind: 'upload'; readonly name: string }
  /** By its sid. */
  | { readonly kind: 'recording'; readonly recording: string };

/** What has a record of its own; a recording is in the store of recordings. */
export type KeptSource = Exclude<MediaSource, { readonly kind: 'recording' }>;

/** What somebody wants to hear. */
export interface MediaRequest<S extends MediaSource = MediaSource> {
  readonly accountSid: string;
  readonly source: S;
  readonly form: AudioForm;
  /** Cache-Control of whoever asks (RFC 9111 section 5.2.1, stale-if-error of RFC 5861). */
  readonly cacheControl?: string | undefined;
  /** Nobody waits for it: its conversion takes no turn of those that are waited for. */
  readonly ahead?: boolean | undefined;
  /** Kept with the source, to purge by. */
  readonly tags?: readonly string[] | undefined;
}

/** Sent to every origin. */
const ACCEPT = 'audio/*';

/** The origin's side of a request for an address. The language is the only part of it that differs between requests. */
export function askedFor({ source, cacheControl }: MediaRequest): AskedFor {
  const url = source.kind === 'url' ? source.url : '';
  const headers: Record<string, string> = { accept: ACCEPT };
  if (source.kind === 'url') {
    if (source.language !== undefined) headers['accept-language'] = source.language;
    // Credentials of an address make a response private (RFC 9111 section 3.5). The fetcher writes the header itself.
    if (URL.parse(source.url)?.username) headers['authorization'] = 'of the address';
  }
  if (cacheControl !== undefined) headers['cache-control'] = cacheControl;
  return { url, headers };
}

/** Headers that go to the origin. */
export function headersForOrigin(asked: AskedFor, validators: HeaderFields): HeaderFields {
  const { 'cache-control': control, ...headers } = asked.headers;
  const rest = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'));
  const reload = /(?:^|[,\s])no-cache(?:$|[,\s=])/i.test(control ?? '') ? { 'cache-control': 'no-cache' } : {};
  return { ...rest, ...reload, ...validators };
}

/** Of the source's record. A text's includes everything that shapes what is heard. */
export function sourceId(request: MediaRequest, fingerprint: string): string {
  const { accountSid, source } = request;
  switch (source.kind) {
    case 'url':
      return idOf('url', accountSid, source.url);
    case 'upload':
      return idOf('upload', accountSid, source.name);
    case 'recording':
      return recordingSourceId(accountSid, source.recording);
    case 'speech':
      return idOf('speech', accountSid, fingerprint);
  }
}

/** Of what is made of a recording: it has no record of its own. */
export const recordingSourceId = (accountSid: string, recording: string): string =>
  idOf('recording', accountSid, recording);

/** Longest part of a text that is kept beside its audio, to look at. */
const SHOWN_TEXT = 200;

export function factsOf(source: KeptSource): SourceFacts {
  switch (source.kind) {
    case 'url':
      return { kind: 'url', url: withoutSecrets(source.url) };
    case 'upload':
      return { kind: 'upload', name: source.name };
    case 'speech': {
      const { text, ssml, voice, language } = source;
      const shown = (text === '' ? (ssml ?? '') : text).slice(0, SHOWN_TEXT);
      return {
        kind: 'speech',
        text: shown,
        ...(voice === undefined ? {} : { voice }),
        ...(language === undefined ? {} : { language }),
      };
    }
  }
}

/** User and password of an address are not kept; its query is, because purges go by it. */
export function withoutSecrets(text: string): string {
  const url = URL.parse(text);
  if (url === null) return text;
  url.username = '';
  url.password = '';
  return url.href;
}
