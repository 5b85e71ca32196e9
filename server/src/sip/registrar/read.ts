import { formatHost, parseCSeq, parseNameAddr, parseUri, parseVia, splitList } from '../message/index.ts';
import type { Via } from '../message/index.ts';
import type { OutOfDialogRequest } from '../user-agent/api.ts';
import { readContacts, readSeconds } from './contact.ts';
import type { RegisterFacts, RegistrarPolicy } from './register.ts';

/** Extensions that a REGISTER may require. */
const SUPPORTED: readonly string[] = ['path', 'outbound'];

export interface Refused {
  readonly status: number;
  readonly reason: string;
  readonly headers?: readonly { readonly name: string; readonly value: string }[];
}

export interface ReadRegister {
  readonly facts: RegisterFacts;
  readonly path: readonly string[];
  /** The phone keeps its flow alive itself and wants to know that we know (RFC 5626 section 6). */
  readonly outbound: boolean;
}

/** Values of a header: lists split, in order. */
function valuesOf(request: Pick<OutOfDialogRequest, 'headers'>, name: string): string[] {
  return request
    .headers()
    .filter((line) => line.name.toLowerCase() === name)
    .flatMap(({ value }) => splitList(value));
}

/** Extensions that are required of us and that we lack (RFC 3261 section 10.3 step 2). */
export function unsupportedExtensions(request: Pick<OutOfDialogRequest, 'headers'>): Refused | undefined {
  const unknown = valuesOf(request, 'require').filter((tag) => !SUPPORTED.includes(tag.toLowerCase()));
  if (unknown.length === 0) return undefined;
  return { status: 420, reason: 'Bad Extension', headers: [{ name: 'Unsupported', value: unknown.join(', ') }] };
}

/** Reads an authenticated REGISTER. */
export function readRegister(
  request: OutOfDialogRequest,
  { node, policy }: { readonly node: string; readonly policy: Pick<RegistrarPolicy, 'unannouncedPath'> },
): ReadRegister | Refused {
  const cseq = parseCSeq(request.header('CSeq') ?? '');
  const contacts = readContacts(rawLines(request, 'contact'));
  if (cseq === undefined) return bad('CSeq');
  if (contacts === undefined) return bad('Contact');
  const path = valuesOf(request, 'path');
  if (path.some((value) => parseNameAddr(value) === undefined)) return bad('Path');
  const extensions = [...valuesOf(request, 'supported'), ...valuesOf(request, 'require')].map((tag) =>
    tag.toLowerCase(),
  );
  // RFC 3327 section 5.3: a phone that does not know of Path may be called over a way that somebody put in there.
  if (path.length > 0 && !extensions.includes('path') && policy.unannouncedPath === 'refuse')
    return { status: 421, reason: 'Extension Required (path)', headers: [{ name: 'Require', value: 'path' }] };
  const vias = valuesOf(request, 'via').map(parseVia);
  const wantsFlow = contacts !== '*' && contacts.some(({ regId }) => regId !== undefined);
  const outbound = wantsFlow && extensions.includes('outbound');
  // RFC 5626 section 6: with a proxy between, it has to know of outbound too, and says so in its Path.
  if (outbound && vias.length > 1 && !/;ob\b/i.test(path.at(-1) ?? ''))
    return { status: 439, reason: 'First Hop Lacks Outbound Support' };
  const userAgent = request.header('User-Agent')?.slice(0, 128);
  const direct = path.length === 0 && vias.length === 1;
  return {
    path,
    outbound,
    facts: {
      callId: request.callId,
      cseq: cseq.number,
      contacts,
      expires: readSeconds(request.header('Expires')),
      origin: { path, received: request.source, node, ...(userAgent === undefined ? {} : { userAgent }) },
      overFlow: (uri) => direct && isItself(uri, request, vias[0]),
    },
  };
}

function rawLines(request: OutOfDialogRequest, name: string): string[] {
  return request
    .headers()
    .filter((line) => line.name.toLowerCase() === name)
    .map(({ value }) => value);
}

function bad(header: string): Refused {
  return { status: 400, reason: `Bad Request (${header} cannot be read)` };
}

/**
 * Whether a contact is the phone that sent the REGISTER, and not a place that it wants its calls to go: then requests
 * go back to where the REGISTER came from, which works through NAT and over connections.
 */
function isItself(contactUri: string, request: OutOfDialogRequest, via: Via | undefined): boolean {
  const uri = parseUri(contactUri);
  if (uri?.scheme !== 'sip' && uri?.scheme !== 'sips') return false;
  const host = uri.host.toLowerCase();
  if (host === via?.host.toLowerCase() || formatHost(host) === formatHost(request.source.address)) return true;
  return isPrivate(host) || host.endsWith('.invalid');
}

/** Addresses that mean nothing outside the phone's own network (RFC 1918, 6598, 3927, 4193, 4291). */
function isPrivate(host: string): boolean {
  if (/^\d+(\.\d+){3}$/.test(host)) return PRIVATE_IPV4.test(host);
  return host.includes(':') && /^(f[cd]|fe[89ab]|::1$)/i.test(host);
}

const PRIVATE_IPV4 =
  /^(10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/;
