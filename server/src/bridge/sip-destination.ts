import type { PlaceRequest } from '../calls/ports.ts';
import type { InviteOptions } from '../sip/index.ts';
import type { HostContext } from './host-context.ts';

/** Where an INVITE goes and as whom, without its body. */
export interface SipDestination {
  readonly ok: true;
  readonly invite: Pick<InviteOptions, 'target' | 'from' | 'to' | 'headers' | 'credentials'>;
  readonly codecs: readonly ('PCMU' | 'PCMA')[];
  /** Set when the peer's address is known as a literal. */
  readonly signallingAddress: string | undefined;
}

/** Turns what the router wants to dial into a SIP request, by the account's trunks. */
export function sipDestination(
  context: Pick<HostContext, 'trunks' | 'settings'>,
  request: PlaceRequest,
): SipDestination | { readonly ok: false; readonly problem: string } {
  const { target, accountSid, from } = request;
  if (target.kind === 'number') {
    const trunk = context.trunks.outbound({ accountSid, number: target.number, from });
    if (trunk === undefined) {
      return { ok: false, problem: `no trunk of ${accountSid} serves ${target.number}; add an outgoing trunk for it` };
    }
    const host = trunk.host.includes(':') ? `[${trunk.host}]` : trunk.host;
    const caller = uriOf(trunk.fromUser ?? userOf(from), trunk.fromHost ?? context.settings.sipAddress);
    return {
      ok: true,
      invite: {
        target: `${uriOf(target.number, host)}:${String(trunk.port)}`,
        from: { uri: caller },
        ...(trunk.credentials === undefined ? {} : { credentials: trunk.credentials }),
      },
      codecs: trunk.codecs.length > 0 ? trunk.codecs : ['PCMU', 'PCMA'],
      signallingAddress: /^[0-9.]+$|:/.test(trunk.host) ? trunk.host : undefined,
    };
  }
  if (target.kind === 'sip') {
    const { username, password } = target;
    return {
      ok: true,
      invite: {
        target: target.uri,
        from: { uri: /^sips?:/.test(from) ? from : uriOf(userOf(from), context.settings.sipAddress) },
        headers: target.headers.map(([name, value]) => ({ name, value })),
        ...(username === undefined || password === undefined ? {} : { credentials: { username, password } }),
      },
      codecs: ['PCMU', 'PCMA'],
      signallingAddress: undefined,
    };
  }
  return { ok: false, problem: 'a client is not reached by SIP' };
}

/** The user a far end is shown: the number, the identity, or the user part of a SIP URI. */
function userOf(from: string): string {
  if (from.startsWith('client:')) return from.slice('client:'.length);
  return /^sips?:([^@]*)@/.exec(from)?.[1] ?? from;
}

/** RFC 3261 section 25.1: what a user part may not hold is escaped. */
function uriOf(user: string, host: string): string {
  const escaped = encodeURIComponent(user).replace(/%(2B|26|3D|24|2C|3B|3F|2F)/gi, (text) => decodeURIComponent(text));
  return escaped === '' ? `sip:${host}` : `sip:${escaped}@${host}`;
}
