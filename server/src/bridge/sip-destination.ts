import type { EndCause } from '@hookswitch/shared';
import type { PlaceRequest } from '../calls/ports.ts';
import type { HostContext } from './host-context.ts';
import { sipUri } from './sip-uri.ts';
import { gatewayHostPort, identityOut, isAddress, numberOut } from './trunks/index.ts';
import type { Attempt, OutgoingIdentity, PassedOver, SipDestination, Trunk } from './trunks/index.ts';

export type SipDestinations =
  | { readonly ok: true; readonly destinations: readonly SipDestination[] }
  | { readonly ok: false; readonly problem: string; readonly cause?: EndCause; readonly sipStatus?: number };

/** Turns what the router wants to dial into SIP requests, best first: by the account's trunks, or to a SIP URI. */
export function sipDestinations(
  context: Pick<HostContext, 'trunks' | 'settings' | 'phones'>,
  request: PlaceRequest,
  facts: { readonly divertedBy?: string } = {},
): SipDestinations {
  const { target, accountSid, from } = request;
  const host = context.settings.sipAddress;
  if (target.kind === 'number') {
    const { number } = target;
    const { attempts, passedOver } = context.trunks.select(accountSid, number, request.callSid);
    if (attempts.length === 0) return { ok: false, problem: noTrunk(accountSid, number, passedOver) };
    const call = { caller: userOf(from), host, ...facts };
    return {
      ok: true,
      destinations: attempts.map((attempt) =>
        throughTrunk(attempt, number, { ...call, path: context.trunks.pathOf(attempt.trunk) }),
      ),
    };
  }
  if (target.kind === 'sip') {
    const phones = context.phones?.routes(accountSid, target.uri);
    if (phones?.ok === false) return phones;
    if (phones === undefined && context.trunks.gatewayOf(accountSid, target.uri).of === 'others') {
      return { ok: false, problem: `${target.uri} is the gateway of a trunk of another account`, sipStatus: 403 };
    }
    const { username, password } = target;
    const destination: SipDestination = {
      invite: {
        target: target.uri,
        from: { uri: /^sips?:/.test(from) ? from : sipUri(userOf(from), host) },
        headers: target.headers.map(([name, value]) => ({ name, value })),
        ...(username === undefined || password === undefined ? {} : { credentials: { username, password } }),
      },
      codecs: ['PCMU', 'PCMA'],
      srtp: 'off',
      signallingAddress: undefined,
      ...(phones === undefined ? {} : { forks: phones.routes }),
    };
    return { ok: true, destinations: [destination] };
  }
  return { ok: false, problem: 'a client is not reached by SIP' };
}

function throughTrunk(
  attempt: Attempt,
  number: string,
  call: OutgoingIdentity & { readonly path: readonly string[] },
): SipDestination {
  const { trunk, gateway } = attempt;
  const { path } = call;
  const { digest, identity, codecs, srtp, sessionTimer } = trunk;
  const { from, headers } = identityOut(trunk, call);
  const hostPort = gatewayHostPort(gateway);
  const user = numberOut(number, trunk.numbers);
  return {
    invite: {
      // With a domain of its own the gateway is a proxy on the way there.
      target: sipUri(user, identity.toDomain ?? hostPort),
      ...(identity.toDomain === null ? {} : { nextHop: `sip:${hostPort}` }),
      from,
      headers,
      ...(digest === undefined ? {} : { credentials: { username: digest.username, password: digest.secret } }),
      reliableProvisionals: trunk.reliableProvisional,
      ...(sessionTimer === undefined
        ? {}
        : { sessionTimer: { interval: sessionTimer.expiresS, minimum: sessionTimer.minSeS } }),
      ...(path.length === 0 ? {} : { path }),
    },
    codecs: codecs.length > 0 ? codecs : ['PCMU', 'PCMA'],
    srtp,
    signallingAddress: isAddress(gateway.host) ? gateway.host : undefined,
    attempt,
  };
}

function noTrunk(
  accountSid: string,
  number: string,
  passedOver: readonly { readonly trunk: Trunk; readonly why: PassedOver }[],
): string {
  const reasons = passedOver.map(({ trunk, why }) => `'${trunk.name}': ${why}`).join('; ');
  const hint = reasons === '' ? 'add an outgoing trunk for it' : reasons;
  return `no trunk of ${accountSid} can take ${number}: ${hint}`;
}

/** The user a far end is shown: the number, the identity, or the user part of a SIP URI. */
function userOf(from: string): string {
  if (from.startsWith('client:')) return from.slice('client:'.length);
  return /^sips?:([^@]*)@/.exec(from)?.[1] ?? from;
}
