import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls';
import { ipVersion } from './addresses.ts';

/**
 * The SIP identities of a certificate (RFC 5922 section 7.1): domains of `sip:` URIs without a user, else DNS names,
 * else, without any subjectAltName of these kinds, the common name. Numeric addresses come with them.
 * DEVIATION: RFC 5922 knows domains only; peers configured by address are checked by their iPAddress names.
 */
export function sipIdentities(certificate: PeerCertificate | DetailedPeerCertificate): readonly string[] {
  const names = splitAltNames(certificate.subjectaltname ?? '');
  const of = (kind: string): string[] => names.filter(([name]) => name === kind).map(([, value]) => value);
  const addresses = of('IP Address');
  const uris = of('URI').flatMap((uri) => /^sips?:([^@;?]+)$/i.exec(uri)?.[1] ?? []);
  if (uris.length > 0) return [...uris, ...addresses].map(lower);
  const domains = of('DNS');
  if (domains.length > 0 || addresses.length > 0) return [...domains, ...addresses].map(lower);
  const common = (certificate as { subject?: { CN?: string | string[] } }).subject?.CN;
  return typeof common === 'string' ? [lower(common)] : [];
}

/** Section 7.2: the names are compared whole, without regard to case; no wildcards. */
export function isIdentity(certificate: PeerCertificate, expected: string): boolean {
  const name = lower(expected).replace(/\.$/, '');
  const identities = sipIdentities(certificate);
  if (ipVersion(name) === 6)
    return identities.some((identity) => ipVersion(identity) === 6 && sameIpv6(identity, name));
  return identities.includes(name);
}

const lower = (text: string): string => text.toLowerCase();

/** `DNS:a.example, URI:sip:a.example, IP Address:192.0.2.1`; values with separators in them are quoted JSON strings. */
function splitAltNames(text: string): (readonly [kind: string, value: string])[] {
  const found: (readonly [string, string])[] = [];
  for (const match of text.matchAll(/([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)) {
    const [, kind = '', value = ''] = match;
    found.push([kind.trim(), value.startsWith('"') ? unquoted(value) : value.trim()]);
  }
  return found;
}

/** A quoted value that cannot be read names nobody. */
function unquoted(value: string): string {
  try {
    return String(JSON.parse(value));
  } catch {
    return '';
  }
}

function sameIpv6(a: string, b: string): boolean {
  const full = (text: string): string => new URL(`http://[${text}]/`).hostname;
  return full(a) === full(b);
}
