import { WordTable } from './chars.ts';

/** Long lower-case names by compact form (RFC 3261 section 7.3.3 and the IANA registry). */
const COMPACT: Readonly<Record<string, string>> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  d: 'request-disposition',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  j: 'reject-contact',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  n: 'identity-info',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
  y: 'identity',
};

/** Usual spelling by key: of the headers that are not simply Words-With-Capitals, then of all well-known ones. */
const SPELLING = new Map(
  [
    'Call-ID',
    'CSeq',
    'MIME-Version',
    'Min-SE',
    'WWW-Authenticate',
    'RAck',
    'RSeq',
    'Alert-Info',
    'P-Asserted-Identity',
    'SIP-ETag',
    'SIP-If-Match',
  ].map((name) => [name.toLowerCase(), name]),
);

/** Headers whose value is a comma list, so that several lines equal one (section 7.3.1). */
const LISTS = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'alert-info',
  'allow',
  'allow-events',
  'call-info',
  'contact',
  'content-encoding',
  'content-language',
  'diversion',
  'error-info',
  'history-info',
  'in-reply-to',
  'p-asserted-identity',
  'path',
  'proxy-require',
  'reason',
  'record-route',
  'require',
  'route',
  'service-route',
  'supported',
  'unsupported',
  'via',
  'warning',
]);

/** Well-known headers that are neither lists nor oddly spelt. */
const PLAIN = [
  'authorization',
  'content-disposition',
  'content-length',
  'content-type',
  'date',
  'event',
  'expires',
  'from',
  'max-forwards',
  'min-expires',
  'organization',
  'p-preferred-identity',
  'privacy',
  'proxy-authenticate',
  'proxy-authorization',
  'refer-to',
  'referred-by',
  'remote-party-id',
  'replaces',
  'retry-after',
  'server',
  'session-expires',
  'subject',
  'subscription-state',
  'timestamp',
  'to',
  'user-agent',
];

for (const name of [...LISTS, ...PLAIN]) if (!SPELLING.has(name)) SPELLING.set(name, capitalised(name));

const known = new WordTable([
  ...Object.entries(COMPACT),
  ...[...SPELLING.keys()].map((name): [string, string] => [name, name]),
]);

/** The key of a header name in any spelling: long form, lower case. */
export function headerKey(name: string): string {
  return known.find(name, 0, name.length) ?? name.toLowerCase();
}

/** The key of the header name that stands at `from` to `to`; undefined when it is none of the well-known ones. */
export function knownHeaderAt(text: string, from: number, to: number): string | undefined {
  return known.find(text, from, to);
}

/** The usual spelling of a key, for example `Call-ID` for `call-id`. */
export function headerTitle(key: string): string {
  return SPELLING.get(key) ?? capitalised(key);
}

function capitalised(key: string): string {
  return key.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

export function isListHeader(key: string): boolean {
  return LISTS.has(key);
}
