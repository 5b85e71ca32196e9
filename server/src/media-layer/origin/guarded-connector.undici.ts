import { lookup as dnsLookup } from 'node:dns';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { buildConnector } from 'undici';
import { PromptError } from '../prompt-error.ts';
import { literalAddress } from './address-policy.ts';
import type { AddressPolicy, Resolve } from './ports.ts';

export interface GuardOptions {
  readonly policy: AddressPolicy;
  /** Default: that of the system. */
  readonly resolve?: Resolve;
  /** Milliseconds. */
  readonly timeoutMs: number;
}

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/**
 * Connections to allowed addresses alone. Literals are checked here, because nobody looks them up; names are checked by the look-up
 * that the connection itself is made with, so that a name cannot change its mind between check and use. Every redirect passes here too.
 */
export function guardedConnector(options: GuardOptions): buildConnector.connector {
  const { policy, timeoutMs, resolve = systemResolve } = options;
  const lookup = (hostname: string, { all }: LookupOptions, callback: LookupCallback): void => {
    resolve(hostname, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const allowed = addresses.filter(({ address }) => policy.allows(address));
      const [first] = allowed;
      if (first === undefined) callback(blocked(hostname), []);
      else if (all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
  const connect = buildConnector({ timeout: timeoutMs, lookup });
  return (wanted, callback) => {
    const literal = literalAddress(wanted.hostname);
    if (literal === undefined || policy.allows(literal)) connect(wanted, callback);
    else callback(blocked(literal), null);
  };
}

const systemResolve: Resolve = (hostname, callback) => {
  dnsLookup(hostname, { all: true }, callback);
};

function blocked(host: string): PromptError {
  return new PromptError(
    'blocked-address',
    `${host.slice(0, 200)} is not a public address, so nothing is fetched from it; the operator allows others with --media-private`,
  );
}
