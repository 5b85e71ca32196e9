/**
 * Topics are dot-separated tokens, as on NATS. A token holds letters, digits, `_`, `-` and `=XX` escapes (a byte of UTF-8
 * as two upper-case hexadecimal digits), so that any identity, number or free text fits a NATS subject and a KV key.
 * Patterns may use `*` (exactly one token) and, as the last token, `>` (one or more tokens).
 */
export const TOPIC_LIMITS = { maxLength: 512, maxTokens: 24 } as const;

const SAFE = /^[A-Za-z0-9_-]+$/;
const TOKEN = /^(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+$/;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

function escapeBytes(text: string, keepEscapes: boolean): string {
  let out = '';
  for (const char of text) {
    if (SAFE.test(char) || (keepEscapes && char === '=')) out += char;
    else for (const byte of encoder.encode(char)) out += `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/** Any non-empty text as one token. @throws RangeError for empty text */
export function escapeToken(text: string): string {
  if (text === '') throw new RangeError('a topic token cannot be empty');
  return SAFE.test(text) ? text : escapeBytes(text, false);
}

/** The text of one token; undefined when the token is not well-formed. */
export function unescapeToken(token: string): string | undefined {
  if (!TOKEN.test(token)) return undefined;
  if (!token.includes('=')) return token;
  const bytes: number[] = [];
  for (let i = 0; i < token.length; i++) {
    if (token[i] === '=') {
      bytes.push(Number.parseInt(token.slice(i + 1, i + 3), 16));
      i += 2;
    } else bytes.push(token.charCodeAt(i));
  }
  try {
    return decoder.decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}

/** `support/tier1/alice` as tokens: `/` separates levels, each level is escaped. @throws RangeError for an empty level */
export function identityTokens(identity: string): string {
  return identity.split('/').map(escapeToken).join('.');
}

export type ParsedTopic =
  { readonly ok: true; readonly topic: string } | { readonly ok: false; readonly problem: string };

/**
 * Checks and normalises what a client wrote. Characters that a token may not hold are escaped (`+15550100` becomes
 * `=2B15550100`); wildcards are accepted only with `wildcards`.
 */
export function parseTopic(text: string, options: { wildcards: boolean }): ParsedTopic {
  if (text === '') return { ok: false, problem: 'a topic cannot be empty' };
  if (text.length > TOPIC_LIMITS.maxLength)
    return { ok: false, problem: `a topic has at most ${TOPIC_LIMITS.maxLength} characters` };
  const tokens = text.split('.');
  if (tokens.length > TOPIC_LIMITS.maxTokens)
    return { ok: false, problem: `a topic has at most ${TOPIC_LIMITS.maxTokens} tokens` };
  const out: string[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token === '')
      return { ok: false, problem: `token ${index + 1} is empty (two dots in a row, or a dot at an end)` };
    if (token === '*' || token === '>') {
      if (!options.wildcards) return { ok: false, problem: `'${token}' is a wildcard: name one topic here` };
      if (token === '>' && index !== tokens.length - 1) return { ok: false, problem: "'>' may only be the last token" };
      out.push(token);
      continue;
    }
    if (/[*>]/.test(token))
      return {
        ok: false,
        problem: `'*' and '>' must be tokens of their own, as in calls.*.ringing (token '${token}')`,
      };
    const escaped = escapeBytes(token, true);
    if (!TOKEN.test(escaped))
      return {
        ok: false,
        problem: `token '${token}' has a '=' that is not followed by two upper-case hexadecimal digits`,
      };
    out.push(escaped);
  }
  return { ok: true, topic: out.join('.') };
}

/** Whether `topic` (no wildcards) is matched by `pattern`. Both normalised. */
export function topicMatches(pattern: string, topic: string): boolean {
  const wanted = pattern.split('.');
  const given = topic.split('.');
  for (const [i, want] of wanted.entries()) {
    if (want === '>') return given.length > i;
    if (i >= given.length || (want !== '*' && want !== given[i])) return false;
  }
  return wanted.length === given.length;
}

/** Whether everything `inner` can match is matched by `outer` too. Capabilities are checked with this, never by match. */
export function patternIsSubset(inner: string, outer: string): boolean {
  const a = inner.split('.');
  const b = outer.split('.');
  for (const [i, want] of b.entries()) {
    if (want === '>') return a.length > i;
    const have = a[i];
    if (have === undefined || have === '>') return false;
    if (want !== '*' && want !== have) return false;
  }
  return a.length === b.length;
}

export const topics = {
  call: (callSid: string, event: string): string => `calls.${callSid}.${event}`,
  client: (identity: string, event: string): string => `clients.${identityTokens(identity)}.${event}`,
  number: (number: string, event: string): string => `numbers.${escapeToken(number)}.${event}`,
  queue: (queueSid: string, event: string): string => `queues.${queueSid}.${event}`,
  conference: (conferenceSid: string, event: string): string => `conferences.${conferenceSid}.${event}`,
  stream: (streamSid: string, event: string): string => `streams.${streamSid}.${event}`,
  recording: (recordingSid: string, event: string): string => `recordings.${recordingSid}.${event}`,
  trunk: (trunkSid: string, event: string): string => `trunks.${trunkSid}.${event}`,
  phone: (address: string, event: string): string => `phones.${escapeToken(address)}.${event}`,
  presence: (topic: string, event: string): string => `presence.${topic}.${event}`,
  link: (linkSid: string, event: string): string => `links.${linkSid}.${event}`,
  webhook: (webhookSid: string, event: string): string => `webhooks.${webhookSid}.${event}`,
  guard: (event: string): string => `guards.${event}`,
  cluster: (node: string, event: string): string => `cluster.${escapeToken(node)}.${event}`,
} as const;
