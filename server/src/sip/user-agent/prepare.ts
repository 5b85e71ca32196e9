import { NO_BODY, breaksLine, formatNameAddr, formatUri, parseNameAddr, parseUri } from '../message/index.ts';
import type { HeaderPair, NameAddr, SipUri } from '../message/index.ts';
import { NO_PARAMS } from '../message/index.ts';
import type { InviteOptions, RequestOptions } from './api.ts';
import { SDP_TYPE } from './core.ts';
import type { Core, Hop } from './core.ts';
import { extraHeaders } from './facts.ts';

/** Hops that a call of our own may take (RFC 3261 section 8.1.1.6). */
const MAX_FORWARDS = 70;

/** The parts of an INVITE that do not change when it is repeated with credentials. */
export interface PreparedInvite extends PreparedTarget {
  readonly maxForwards: number;
  readonly headers: readonly HeaderPair[];
  readonly body: Buffer;
}

/** Who a request is for, who it is from and which way it goes. */
export interface PreparedTarget {
  readonly uri: string;
  readonly nextHop: Hop;
  readonly routes: readonly HeaderPair[];
  /** Without tag. */
  readonly from: string;
  readonly to: string;
}

type Addressed = Pick<RequestOptions, 'target' | 'to' | 'nextHop' | 'path' | 'destination'> &
  Pick<InviteOptions, 'from'>;

/** Reads the addresses of a request outside a dialog. `problem` says what cannot be used. */
export function readTarget(options: Addressed): PreparedTarget | { readonly problem: string } {
  const target = parseUri(options.target);
  const from = nameAddr(options.from);
  const to = nameAddr(options.to ?? { uri: options.target });
  if (target === undefined || target.scheme === 'other')
    return { problem: `target ${options.target} is no SIP or tel URI` };
  if (from === undefined) return { problem: `from ${options.from.uri} is no URI` };
  if (to === undefined) return { problem: `to ${options.to?.uri ?? ''} is no URI` };
  const path = readPath(options.path);
  if (path === undefined) return { problem: `a Route value cannot be read: ${(options.path ?? []).join(', ')}` };
  const proxy = options.nextHop === undefined ? undefined : parseUri(options.nextHop);
  const uriHop = options.nextHop === undefined ? (path[0]?.uri ?? target) : proxy;
  const nextHop = options.destination ?? uriHop;
  if (nextHop === undefined || ('scheme' in nextHop && nextHop.scheme !== 'sip' && nextHop.scheme !== 'sips'))
    return { problem: 'the next hop is no sip: or sips: URI; tel: targets need one' };
  const first = proxy?.scheme === 'sip' || proxy?.scheme === 'sips' ? [`<${formatUri(loose(proxy))}>`] : [];
  return {
    uri: formatUri(target.scheme === 'tel' ? target : { ...target, headers: undefined }),
    nextHop,
    routes: [...first, ...path.map(formatNameAddr)].map((route) => ['Route', route] as const),
    from: formatNameAddr(from),
    to: formatNameAddr(to),
  };
}

/** Reads the options of a call. `problem` says what cannot be used. */
export function prepareInvite(
  core: Core,
  options: InviteOptions,
): PreparedInvite | { readonly problem: string; readonly status?: number } {
  const read = readTarget(options);
  if ('problem' in read) return read;
  const { maxForwards = MAX_FORWARDS } = options;
  if (maxForwards < 0) return { problem: 'Too Many Hops (the call came in with none left)', status: 483 };
  if (!Number.isInteger(maxForwards) || maxForwards > 255)
    return { problem: `maxForwards ${String(maxForwards)} is not within 0 to 255` };
  const { pairs, refused } = extraHeaders(options.headers);
  if (refused.length > 0) return { problem: `headers that may not be set or hold line breaks: ${refused.join(', ')}` };
  if (breaksLine(`${options.replaces ?? ''}${options.referredBy ?? ''}`))
    return { problem: 'replaces or referredBy holds line breaks' };
  return {
    ...read,
    maxForwards,
    headers: [
      ...selfHeaders(core, options),
      ['User-Agent', core.name],
      ...(options.sdp === undefined ? [] : [['Content-Type', SDP_TYPE] as const]),
      ...pairs,
    ],
    body: options.sdp === undefined ? NO_BODY : Buffer.from(options.sdp),
  };
}

/** What we are and can do, by the wishes for this call. */
function selfHeaders(core: Core, options: InviteOptions): HeaderPair[] {
  const reliable = options.reliableProvisionals ?? core.features.reliable;
  const others = core.features.supported.filter((tag) => tag !== '100rel');
  const supported = reliable === 'off' ? others : ['100rel', ...others];
  return [
    ...core.selfHeaders().filter(([name]) => name !== 'Supported'),
    ['Supported', supported.join(', ')],
    ...(reliable === 'required' ? [['Require', '100rel'] as const] : []),
    ...(options.replaces === undefined ? [] : [['Replaces', options.replaces] as const]),
    ...(options.referredBy === undefined ? [] : [['Referred-By', options.referredBy] as const]),
  ];
}

function readPath(values: readonly string[] = []): NameAddr[] | undefined {
  const read = values.map(parseNameAddr);
  return read.every((value) => value !== undefined) ? read : undefined;
}

function nameAddr(party: { uri: string; displayName?: string }): NameAddr | undefined {
  const uri = parseUri(party.uri);
  return uri === undefined ? undefined : { displayName: party.displayName ?? '', uri, params: NO_PARAMS };
}

/** An outbound proxy is a loose router: strict ones rewrite the Request-URI and are not for new configurations. */
function loose(uri: SipUri): SipUri {
  return uri.params.has('lr') ? uri : { ...uri, params: new Map(uri.params).set('lr', undefined) };
}
