export { legacySipDomainRoutes } from './domains.ts';
export { domainMappingRoutes } from './domain-mappings.ts';
export { credentialRoutes } from './credentials.ts';
export { credentialListRoutes, ipListRoutes } from './lists.ts';
export { ipAddressRoutes } from './ip-addresses.ts';
