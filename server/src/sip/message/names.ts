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

const interned = new Map<string, string>();
for (const [short, long] of Object.entries(COMPACT)) {
  interned.set(short, long);
  interned.set(short.toUpperCase(), long);
}
for (const name of [...LISTS, ...SPELLING.keys(), 'from', 'to', 'max-forwards', 'content-type', 'content-length']) {
  const title = SPELLING.get(name) ?? capitalised(name);
  SPELLING.set(name, title);
  interned.set(name, name);
  interned.set(title, name);
}

/** The key of a header name in any spelling: long form, lower case. */
export function headerKey(name: string): string {
  return interned.get(name) ?? headerKeySlow(name);
}

function headerKeySlow(name: string): string {
  const lower = name.toLowerCase();
  return interned.get(lower) ?? lower;
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
