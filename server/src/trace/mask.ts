/**
 * Removes secrets before anything is kept. Lengths stay: a masked SIP message has the Content-Length that it says.
 * DTMF is masked unless asked otherwise: callers type card numbers (PCI DSS 3.2 forbids keeping them after authorisation).
 */

const stars = (text: string): string => '*'.repeat(text.length);

/**
 * Cheap: does a message hold anything that may be secret? Searched once over each message; everything else only runs for
 * those that do. Every repetition that does not end at its line is bounded: whoever sends a message must not choose how long
 * this takes. Lines begin with a line feed; `:...@` is a password in a URI (RFC 3261 section 19.1.1).
 */
const SUSPECT =
  /\n(?:(?:proxy-)?authorization|(?:proxy-)?authentication-info|a=crypto|a=ice-pwd|k=|(?:content-type|c)[ \t]*:[ \t]*application\/dtmf)|sips?:[^:@;>\s]{1,128}:[^@;>\s]{1,128}@/i;

/** Credentials header lines, folded continuations included. */
const CREDENTIALS =
  /(\n(?:(?:proxy-)?authorization|(?:proxy-)?authentication-info)[ \t]*:)([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)/gi;
/** A response or an rspauth value, quoted or not (RFC 7616 section 3.4). */
const RESPONSE = /\b(response|rspauth)([ \t]*=[ \t]*"?)([^",\s]+)/gi;
/** Schemes whose one value is the secret. */
const OPAQUE = /^([ \t]*(?:basic|bearer)[ \t]+)(\S+)/i;
/**
 * Key parameters of RFC 4568: `inline:` up to the lifetime; several keys are separated by `;`. Their place is taken by
 * letters, because a key has to be base64 for the message to be well-formed.
 */
const INLINE = /(inline:)([^|;\s]+)/gi;
const CRYPTO_LINE = /\na=crypto:[^\r\n]*/gi;
const ICE_PASSWORD = /(\na=ice-pwd:)([^\r\n]+)/gi;
/** RFC 4566 section 5.12: `k=clear:...`, `k=base64:...`. */
const KEY_LINE = /(\nk=)([^\r\n]+)/gi;
const URI_PASSWORD = /(sips?:[^:@;>\s]{1,128}:)([^@;>\s]{1,128})(@)/gi;
const DTMF_TYPE = /\n(?:content-type|c)[ \t]*:[ \t]*application\/dtmf/i;
const SIGNAL = /(\nsignal[ \t]*=[ \t]*)([^\r\n]+)/gi;

/** @param text a SIP message, one character a byte */
export function maskSip(text: string, maskDigits: boolean): string {
  if (!SUSPECT.test(text)) return text;
  const clean = text
    .replace(CREDENTIALS, (_all, name: string, value: string) => name + maskCredentials(value))
    .replace(CRYPTO_LINE, (line) =>
      line.replace(INLINE, (_all, head: string, key: string) => head + 'X'.repeat(key.length)),
    )
    .replace(ICE_PASSWORD, (_all, head: string, key: string) => head + stars(key))
    .replace(KEY_LINE, (_all, head: string, key: string) => head + stars(key))
    .replace(URI_PASSWORD, (_all, head: string, password: string, at: string) => head + stars(password) + at);
  return maskDigits && DTMF_TYPE.test(clean) ? maskDtmfBody(clean) : clean;
}

function maskCredentials(value: string): string {
  const opaque = OPAQUE.exec(value);
  if (opaque?.[1] !== undefined && opaque[2] !== undefined) return opaque[1] + stars(value.slice(opaque[1].length));
  return value.replace(
    RESPONSE,
    (_all, name: string, between: string, secret: string) => name + between + stars(secret),
  );
}

/** `Signal=5` of application/dtmf-relay; application/dtmf is the digit alone. */
function maskDtmfBody(text: string): string {
  const end = /\r?\n\r?\n/.exec(text);
  if (end === null) return text;
  const bodyAt = end.index + end[0].length;
  // The line feed in front lets the first line of the body match as the others do.
  const body = text.slice(bodyAt - 1);
  const masked = SIGNAL.test(body)
    ? body.replace(SIGNAL, (_all, head: string, digit: string) => head + stars(digit))
    : body.replace(/[0-9A-D*#]/gi, '*');
  return text.slice(0, bodyAt - 1) + masked;
}

const SECRET_NAME = /(?:^|[-_.])(?:token|secret|password|passwd|pwd|pin|key|apikey|auth|signature|sig)$/i;
const DIGITS_NAME = /^digits$/i;

/** Parameters of a request to an application; `authToken` and the like are replaced as a whole. */
export function maskParams(
  params: Readonly<Record<string, string>>,
  maskDigits: boolean,
): Readonly<Record<string, string>> {
  let masked: Record<string, string> | undefined;
  for (const [name, value] of Object.entries(params)) {
    if (value === '' || !(isSecretName(name) || (maskDigits && DIGITS_NAME.test(name)))) continue;
    masked ??= { ...params };
    masked[name] = stars(value);
  }
  return masked ?? params;
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.replace(/([a-z])([A-Z])/g, '$1-$2'));
}

/** An address without user name, password and values of its query that are secrets by their name. */
export function maskUrl(url: string, maskDigits: boolean): string {
  return url
    .replace(/^(https?:\/\/)[^/?#@]*@/i, '$1')
    .replace(/([?&])([^=&#?]{1,64})=([^&#]+)/g, (all, mark: string, name: string, value: string) =>
      isSecretName(name) || (maskDigits && DIGITS_NAME.test(name)) ? `${mark}${name}=${stars(value)}` : all,
    );
}

const XML_PASSWORD = /(\bpassword[ \t]*=[ \t]*)("[^"]*"|'[^']*')/gi;
const XML_DIGITS = /(\b(?:send)?digits[ \t]*=[ \t]*)("[^"]*"|'[^']*')/gi;

/** An application's instructions: passwords of SIP destinations, and keys that are pressed for the caller. */
export function maskBody(body: string, maskDigits: boolean): string {
  const hide = (_all: string, head: string, value: string): string =>
    head + value.charAt(0) + stars(value.slice(1, -1)) + value.charAt(0);
  const clean = body
    .replace(XML_PASSWORD, hide)
    .replace(URI_PASSWORD, (_all, head: string, password: string, at: string) => head + stars(password) + at);
  return maskDigits ? clean.replace(XML_DIGITS, hide) : clean;
}

/** Data of an event: what rings a device opens a call, and what a caller types may be a card number. */
export function maskEvent(
  type: string,
  data: Readonly<Record<string, unknown>>,
  maskDigits: boolean,
): Readonly<Record<string, unknown>> {
  if ('token' in data) return { ...data, token: '***' };
  if (maskDigits && type === 'call.digit') return { ...data, digit: '*' };
  if (typeof data['url'] === 'string') return { ...data, url: maskUrl(data['url'], maskDigits) };
  return data;
}
