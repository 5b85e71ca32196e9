import type { SrtpMasterKey, SrtpSuite } from './api.ts';

/** Bytes of master key and salt: RFC 4568 section 6.2, RFC 6188 section 4, RFC 7714 section 14. */
const LENGTHS: Readonly<Record<SrtpSuite, { readonly key: number; readonly salt: number }>> = {
  AES_CM_128_HMAC_SHA1_80: { key: 16, salt: 14 },
  AES_CM_128_HMAC_SHA1_32: { key: 16, salt: 14 },
  AES_256_CM_HMAC_SHA1_80: { key: 32, salt: 14 },
  AES_256_CM_HMAC_SHA1_32: { key: 32, salt: 14 },
  AEAD_AES_128_GCM: { key: 16, salt: 12 },
  AEAD_AES_256_GCM: { key: 32, salt: 12 },
};

/**
 * What we offer, in order of preference. The suite that everybody has to know comes first, because some look no further; a
 * line costs 90 bytes of an INVITE that has to fit into a datagram, so not all that we accept are offered.
 */
export const OFFERED_SUITES: readonly SrtpSuite[] = [
  'AES_CM_128_HMAC_SHA1_80',
  'AEAD_AES_256_GCM',
  'AES_CM_128_HMAC_SHA1_32',
];

/** Most a=crypto lines of one media line that are read. */
export const MAX_CRYPTO_LINES = 16;

/** An `a=crypto` line that we could use. */
export interface CryptoLine {
  readonly tag: number;
  readonly suite: SrtpSuite;
  readonly master: SrtpMasterKey;
}

const ATTRIBUTE = /^a=crypto:(\d{1,9})[ \t]+(\S+)[ \t]+(\S+)((?:[ \t]+\S+)*)[ \t]*$/i;

/**
 * Reads one line, RFC 4568 section 9.1. Undefined for what cannot be used: an unknown suite, a key of the wrong length,
 * several keys or a master key identifier (DEVIATION: MKI is not supported; such a line is passed over as if its suite were
 * unknown), and session parameters that change what SRTP does.
 */
export function readCryptoLine(line: string): CryptoLine | undefined {
  const [, tag, name, keyParameters, sessionParameters] = ATTRIBUTE.exec(line) ?? [];
  if (tag === undefined || keyParameters === undefined || !isSuite(name)) return undefined;
  const inline = /^inline:([A-Za-z0-9+/]+={0,2})((?:\|[^|;]*)*)$/i.exec(keyParameters);
  const master = masterOf(name, inline?.[1]);
  if (master === undefined || !isHarmlessTail(inline?.[2] ?? '')) return undefined;
  const parameters = (sessionParameters ?? '').split(/[ \t]+/).filter((text) => text !== '');
  return parameters.every(isHarmless) ? { tag: Number(tag), suite: name, master } : undefined;
}

/** The line's text after `a=crypto:`. */
export function writeCrypto({ tag, suite, master }: CryptoLine): { id: number; suite: string; config: string } {
  const inline = Buffer.concat([master.key, master.salt]).toString('base64');
  return { id: tag, suite, config: `inline:${inline}` };
}

export function newMasterKey(suite: SrtpSuite, random: (length: number) => Uint8Array): SrtpMasterKey {
  const { key, salt } = LENGTHS[suite];
  return { key: random(key), salt: random(salt) };
}

function isSuite(name: string | undefined): name is SrtpSuite {
  return name !== undefined && Object.hasOwn(LENGTHS, name);
}

function masterOf(suite: SrtpSuite, base64: string | undefined): SrtpMasterKey | undefined {
  const bytes = Uint8Array.from(Buffer.from(base64 ?? '', 'base64'));
  const { key, salt } = LENGTHS[suite];
  return bytes.length === key + salt ? { key: bytes.slice(0, key), salt: bytes.slice(key) } : undefined;
}

/** A lifetime (`|2^20`, `|1048576`) may follow the key: it binds the sender. `|1:4` would be an MKI. */
function isHarmlessTail(tail: string): boolean {
  if (tail === '') return true;
  const [, power, count] = /^\|(?:2\^(\d{1,2})|(\d{1,15}))$/.exec(tail) ?? [];
  const lifetime = power === undefined ? Number(count) : 2 ** Number(power);
  return lifetime > 0 && lifetime <= 2 ** 48;
}

/** RFC 4568 section 6.3: what begins with a hyphen may be ignored; a window hint binds nobody; one derivation is ours. */
function isHarmless(parameter: string): boolean {
  return parameter.startsWith('-') || /^WSH=\d{1,5}$/i.test(parameter) || /^KDR=0$/i.test(parameter);
}
