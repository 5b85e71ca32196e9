import { formatUri, parseNameAddr, parseUri, splitList, unquote } from '../message/index.ts';
import type { SipUri, Uri } from '../message/index.ts';

/** A Contact value of a REGISTER. */
export interface ContactValue {
  readonly uri: string;
  readonly q: number;
  /** Seconds; undefined: none given, or unreadable (RFC 3261 section 20.10: as if none were given). */
  readonly expires: number | undefined;
  readonly instance: string | undefined;
  readonly regId: number | undefined;
}

/** Contacts of a REGISTER in order; `*`; undefined when one of them cannot be read (RFC 3261 section 10.3 step 6). */
export function readContacts(lines: readonly string[]): readonly ContactValue[] | '*' | undefined {
  const values = lines.flatMap(splitList);
  if (values.includes('*')) return values.length === 1 ? '*' : undefined;
  const contacts: ContactValue[] = [];
  for (const value of values) {
    const contact = readContact(value);
    if (contact === undefined) return undefined;
    contacts.push(contact);
  }
  return contacts;
}

function readContact(value: string): ContactValue | undefined {
  const read = parseNameAddr(value);
  // Only SIP URIs can be called from here.
  if (read === undefined || (read.uri.scheme !== 'sip' && read.uri.scheme !== 'sips')) return undefined;
  const q = Number(read.params.get('q') ?? '1');
  const instance = read.params.get('+sip.instance');
  return {
    uri: formatUri(read.uri),
    q: Number.isFinite(q) ? Math.min(1, Math.max(0, q)) : 1,
    expires: readSeconds(read.params.get('expires')),
    instance: instance === undefined ? undefined : unquote(instance).slice(0, 256),
    regId: readSeconds(read.params.get('reg-id')),
  };
}

/** A number of seconds; undefined for anything else. Above 2^32 - 1 it is that (RFC 3261 section 20.19). */
export function readSeconds(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,12}$/.test(text.trim())) return undefined;
  return Math.min(Number(text), 2 ** 32 - 1);
}

/** URI parameters that make two URIs different when only one of them has it (RFC 3261 section 19.1.4). */
const DECISIVE = ['user', 'ttl', 'method', 'maddr', 'transport'];

/** RFC 3261 section 19.1.4. */
export function sameUri(left: string, right: string): boolean {
  if (left === right) return true;
  const [a, b] = [parseUri(left), parseUri(right)];
  return isSip(a) && isSip(b) && equalParts(a, b) && equalParams(a, b);
}

function isSip(uri: Uri | undefined): uri is SipUri {
  return uri?.scheme === 'sip' || uri?.scheme === 'sips';
}

function equalParts(a: SipUri, b: SipUri): boolean {
  return (
    a.scheme === b.scheme &&
    a.user === b.user &&
    a.password === b.password &&
    a.host.toLowerCase() === b.host.toLowerCase() &&
    a.port === b.port
  );
}

function equalParams(a: SipUri, b: SipUri): boolean {
  const value = (uri: SipUri, name: string): string | undefined => uri.params.get(name)?.toLowerCase();
  if (DECISIVE.some((name) => a.params.has(name) !== b.params.has(name))) return false;
  return [...a.params.keys()].every((name) => !b.params.has(name) || value(a, name) === value(b, name));
}
