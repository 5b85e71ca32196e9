import type { HeaderField, InviteOptions, RequestFacts } from '../../sip/index.ts';
import { sipUri } from '../sip-uri.ts';
import { ANONYMOUS, isE164, numberIn, numberOut } from './normalise.ts';
import type { Trunk } from './ports.ts';

/** Who calls, as far as the trunk's carrier may be believed. */
export interface CallerIdentity {
  /** E.164 number, short code, name, or `anonymous`. */
  readonly from: string;
  readonly source: 'p-asserted-identity' | 'remote-party-id' | 'from' | 'withheld';
}

/**
 * The caller of a call that a carrier sent. P-Asserted-Identity (RFC 3325) and Remote-Party-ID are believed only from a
 * trusted trunk (section 5: a node inside the trust domain); else From counts. A caller that asks for privacy (RFC 3323,
 * RFC 3325 section 9.3) is anonymous here: applications and devices are outside the trust domain.
 */
export function callerOf(
  request: Pick<RequestFacts, 'from' | 'header'>,
  trunk: Pick<Trunk, 'identity' | 'numbers'>,
): CallerIdentity {
  const { numbers } = trunk;
  const withheld: CallerIdentity = { from: ANONYMOUS, source: 'withheld' };
  const remoteParty = request.header('Remote-Party-ID');
  if (asksPrivacy(request.header('Privacy')) || /;\s*privacy=(?:full|uri|on)\b/i.test(remoteParty ?? '')) {
    return withheld;
  }
  if (trunk.identity.trusted) {
    const asserted = userOfHeader(request.header('P-Asserted-Identity'));
    if (asserted !== undefined) return { from: numberIn(asserted, numbers), source: 'p-asserted-identity' };
    const user = userOfHeader(remoteParty);
    if (user !== undefined) return { from: numberIn(user, numbers), source: 'remote-party-id' };
  }
  if (/^(?:anonymous|unknown)\.invalid$/i.test(request.from.host)) return withheld;
  const from = numberIn(request.from.user, numbers);
  return from === ANONYMOUS ? withheld : { from, source: 'from' };
}

/** RFC 3323 section 4.2: `none` asks for no privacy; everything but `session` and `critical` hides the caller. */
function asksPrivacy(value: string | undefined): boolean {
  const words = (value ?? '').toLowerCase().split(/[;,\s]+/);
  return !words.includes('none') && words.some((word) => ['id', 'user', 'header'].includes(word));
}

/** The user of the first URI in a header that may hold several. */
function userOfHeader(value: string | undefined): string | undefined {
  const user = /(?:sips?|tel):([^@;>,\s]{1,128})/i.exec(value ?? '')?.[1];
  if (user === undefined) return undefined;
  try {
    return decodeURIComponent(user);
  } catch {
    return user;
  }
}

export interface OutgoingIdentity {
  /** E.164 number, `anonymous`, or any other name of a caller. */
  readonly caller: string;
  /** Our host, where the trunk sets no domain. IPv6 in brackets. */
  readonly host: string;
  /** The number that forwards this call; undefined: it is not forwarded. */
  readonly divertedBy?: string;
}

/** From and the headers that tell the carrier who calls, in the way that the trunk's carrier expects. */
export function identityOut(
  trunk: Pick<Trunk, 'identity' | 'numbers'>,
  { caller, host, divertedBy }: OutgoingIdentity,
): { readonly from: InviteOptions['from']; readonly headers: readonly HeaderField[] } {
  const { identity, numbers } = trunk;
  const domain = identity.fromDomain ?? host;
  const written = (number: string): string => (isE164(number) ? numberOut(number, numbers) : number);
  const headers: HeaderField[] = [];
  const withheld = caller === ANONYMOUS;
  const shown = withheld ? identity.fromUser : written(caller);
  const uri = shown === null ? undefined : sipUri(shown, domain);
  if (identity.caller === 'p-asserted-identity' && uri !== undefined) {
    headers.push({ name: 'P-Asserted-Identity', value: `<${uri}>` });
  }
  if (identity.caller === 'remote-party-id' && uri !== undefined) {
    const privacy = withheld ? 'full' : 'off';
    headers.push({ name: 'Remote-Party-ID', value: `<${uri}>;party=calling;screen=yes;privacy=${privacy}` });
  }
  // RFC 3325 section 9.3: the identity stays inside the carrier's network.
  if (withheld) headers.push({ name: 'Privacy', value: 'id' });
  if (identity.diversion && divertedBy !== undefined) {
    const diverted = sipUri(written(divertedBy), domain);
    headers.push({ name: 'Diversion', value: `<${diverted}>;reason=unconditional;counter=1` });
  }
  return { from: fromOf({ withheld, shown, domain, fromUser: identity.fromUser }), headers };
}

function fromOf(facts: {
  readonly withheld: boolean;
  readonly shown: string | null;
  readonly domain: string;
  readonly fromUser: string | null;
}): InviteOptions['from'] {
  const { withheld, shown, domain, fromUser } = facts;
  // RFC 3323 section 4.1.1.3.
  if (withheld) return { uri: `sip:anonymous@anonymous.invalid`, displayName: 'Anonymous' };
  return { uri: sipUri(fromUser ?? shown ?? '', domain) };
}
