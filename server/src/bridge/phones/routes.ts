import type { Binding, Endpoint, InviteOptions } from '../../sip/index.ts';
import { sipUri } from '../sip-uri.ts';
import type { PhoneDomainFacts } from './ports.ts';

/** One phone that rings: what its INVITE has of its own. */
export type PhoneRoute = Pick<InviteOptions, 'target' | 'to' | 'destination' | 'path'>;

export type PhoneRoutes =
  | { readonly ok: true; readonly routes: readonly PhoneRoute[] }
  | {
      readonly ok: false;
      readonly cause: 'not-registered' | 'unreachable';
      readonly problem: string;
      readonly sipStatus: number;
    };

/** The ways to every phone of a user: over its flow, along its Path, or where its contact points. */
export function phoneRoutes(facts: {
  readonly accountSid: string;
  readonly domain: PhoneDomainFacts;
  readonly username: string;
  /** The user exists. */
  readonly known: boolean;
  readonly bindings: readonly Binding[];
  readonly node: string;
}): PhoneRoutes {
  const { accountSid, domain, username, bindings, node } = facts;
  const address = sipUri(username, domain.domain);
  if (domain.accountSid !== accountSid) {
    const problem = `the SIP domain ${domain.domain} belongs to another account`;
    return { ok: false, cause: 'unreachable', problem, sipStatus: 403 };
  }
  if (!facts.known) {
    const problem = `there is no user '${username}' in the SIP domain ${domain.domain}`;
    return { ok: false, cause: 'unreachable', problem, sipStatus: 404 };
  }
  if (bindings.length === 0) {
    return { ok: false, cause: 'not-registered', problem: `no phone is registered as ${address}`, sipStatus: 480 };
  }
  return {
    ok: true,
    routes: bindings.map((binding) => ({
      target: binding.contact,
      to: { uri: address },
      ...(binding.overFlow ? { destination: flowOf(binding, node) } : {}),
      ...(binding.path.length === 0 ? {} : { path: binding.path }),
    })),
  };
}

/** A connection is of use where it ends only. */
function flowOf({ received, node: owner }: Binding, node: string): Endpoint {
  const { protocol, address, port } = received;
  return owner === node ? received : { protocol, address, port };
}
