import { parseUri, unescapeUser } from '../../sip/index.ts';
import { numberIn } from './normalise.ts';
import type { Trunk, TrunkDirectory } from './ports.ts';

/** Ports that a URI or a gateway without one may mean. */
const USUAL_PORTS: ReadonlySet<number | undefined> = new Set([undefined, 5060, 5061]);

/** A SIP URI, as far as it leads to a gateway of a trunk. */
export type GatewayUri =
  | { readonly of: 'nobody' | 'others' }
  /** Of the account, or of one that it belongs to. @property number what would be called there, if it is one */
  | { readonly of: 'own'; readonly number: string | undefined };

/**
 * Whose gateway a URI names. Carriers know us by our address: whoever may send to a gateway calls at the cost of its trunk, so that a
 * URI is no way around what a call through the trunk has to pass.
 */
export function gatewayOf(
  directory: Pick<TrunkDirectory, 'trunks' | 'accountBySid'>,
  accountSid: string,
  uri: string,
): GatewayUri {
  const parsed = parseUri(uri);
  if (parsed === undefined || (parsed.scheme !== 'sip' && parsed.scheme !== 'sips')) return { of: 'nobody' };
  const { port, user = '' } = parsed;
  const host = plain(parsed.host);
  const leadsTo = (trunk: Trunk): boolean =>
    trunk.gateways.some((each) => plain(each.host) === host && isSamePort(each.port ?? undefined, port));
  const found = directory.trunks().filter(leadsTo);
  if (found.length === 0) return { of: 'nobody' };
  const usable = new Set([accountSid, directory.accountBySid?.(accountSid)?.ownerSid]);
  const own = found.find((trunk) => usable.has(trunk.accountSid)) ?? directory.trunks(accountSid).find(leadsTo);
  if (own === undefined) return { of: 'others' };
  const number = numberIn(unescapeUser(user), own.numbers);
  return { of: 'own', number: /^\+?[0-9]{2,15}$/.test(number) ? number : undefined };
}

const plain = (host: string): string =>
  host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');

const isSamePort = (a: number | undefined, b: number | undefined): boolean =>
  a === b || (USUAL_PORTS.has(a) && USUAL_PORTS.has(b));
