import { NO_BODY, formatNameAddr, formatUri, parseUri } from '../message/index.ts';
import type { HeaderPair, NameAddr, SipUri, Uri } from '../message/index.ts';
import { NO_PARAMS } from '../message/index.ts';
import type { InviteOptions } from './api.ts';
import { SDP_TYPE } from './core.ts';
import type { Core } from './core.ts';
import { extraHeaders } from './facts.ts';

/** The parts of an INVITE that do not change when it is repeated with credentials. */
export interface PreparedInvite {
  readonly uri: string;
  readonly nextHop: Uri;
  readonly routes: readonly HeaderPair[];
  /** Without tag. */
  readonly from: string;
  readonly to: string;
  readonly headers: readonly HeaderPair[];
  readonly body: Buffer;
}

/** Reads the options of a call. `problem` says what cannot be used. */
export function prepareInvite(core: Core, options: InviteOptions): PreparedInvite | { readonly problem: string } {
  const target = parseUri(options.target);
  const from = nameAddr(options.from);
  const to = nameAddr(options.to ?? { uri: options.target });
  const nextHop = options.nextHop === undefined ? target : parseUri(options.nextHop);
  const { pairs, refused } = extraHeaders(options.headers);
  if (target === undefined || target.scheme === 'other')
    return { problem: `target ${options.target} is no SIP or tel URI` };
  if (from === undefined) return { problem: `from ${options.from.uri} is no URI` };
  if (to === undefined) return { problem: `to ${options.to?.uri ?? ''} is no URI` };
  if (nextHop?.scheme !== 'sip') return { problem: 'the next hop is no sip: URI; tel: targets need one' };
  if (refused.length > 0) return { problem: `headers that may not be set or hold line breaks: ${refused.join(', ')}` };
  const routed = options.nextHop === undefined ? [] : [['Route', `<${formatUri(loose(nextHop))}>`] as const];
  return {
    uri: formatUri(target.scheme === 'tel' ? target : { ...target, headers: undefined }),
    nextHop,
    routes: routed,
    from: formatNameAddr(from),
    to: formatNameAddr(to),
    headers: [
      ...core.selfHeaders(),
      ['User-Agent', core.name],
      ...(options.sdp === undefined ? [] : [['Content-Type', SDP_TYPE] as const]),
      ...pairs,
    ],
    body: options.sdp === undefined ? NO_BODY : Buffer.from(options.sdp),
  };
}

function nameAddr(party: { uri: string; displayName?: string }): NameAddr | undefined {
  const uri = parseUri(party.uri);
  return uri === undefined ? undefined : { displayName: party.displayName ?? '', uri, params: NO_PARAMS };
}

/** An outbound proxy is a loose router: strict ones rewrite the Request-URI and are not for new configurations. */
function loose(uri: SipUri): SipUri {
  return uri.params.has('lr') ? uri : { ...uri, params: new Map(uri.params).set('lr', undefined) };
}
