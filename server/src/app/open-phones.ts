import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { PhoneConfiguration, PhoneDomainFacts } from '../bridge/index.ts';
import { NatsBindings } from '../sip/registrar/bindings.nats.ts';
import { DEMO_PHONE_DOMAIN } from '../tenants/index.ts';
import type { Directory, DirectorySipDomain } from '../tenants/index.ts';
import type { BusParts, TenantParts } from './open-stores.ts';
import type { Platform } from './platform.ts';

/** What the call node needs for SIP phones. The platform closes it. */
export interface PhoneParts {
  readonly configuration: PhoneConfiguration;
  readonly bindings: NatsBindings;
}

export async function openPhones(
  { startup, config }: Platform,
  { bus, tenants }: { readonly bus: BusParts; readonly tenants: TenantParts },
): Promise<PhoneParts> {
  const bindings = await startup.step(
    'phone registrations',
    () => NatsBindings.open(bus.bus),
    (opened) => {
      opened.close();
    },
  );
  return { bindings, configuration: phoneConfiguration(tenants.directory, config.publicAddress) };
}

/** @param publicAddress the address that others reach this machine by, where it is not one of its own */
export function phoneConfiguration(directory: Directory, publicAddress: string | undefined): PhoneConfiguration {
  const { phones } = directory;
  const factsOf = (domain: DirectorySipDomain | undefined): PhoneDomainFacts | undefined => {
    if (domain === undefined) return undefined;
    const { applicationSid } = domain;
    const exists = applicationSid !== undefined && directory.application(applicationSid) !== undefined;
    return { ...domain, applicationSid: exists ? applicationSid : undefined };
  };
  return {
    domain: (name) => factsOf(phones.domain(name)),
    addressDomain: (address) =>
      isOurs(address, publicAddress) ? factsOf(phones.domain(DEMO_PHONE_DOMAIN)) : undefined,
    user: (domainSid, username) => phones.user(domainSid, username),
    caller: (domainSid, username) => phones.caller(domainSid, username),
    access: (domainSid, address) => phones.access(domainSid, address),
    accountActive: (sid) => directory.accountBySid(sid)?.status === 'active',
  };
}

/** Asked anew each time: addresses come and go with networks. */
function isOurs(host: string, publicAddress: string | undefined): boolean {
  const address = host.replace(/^\[|\]$/g, '');
  if (address === publicAddress) return true;
  if (isIP(address) === 0) return false;
  if (address.startsWith('127.')) return true;
  return Object.values(networkInterfaces()).some((list) => list?.some((entry) => entry.address === address));
}
