export { DeadHosts } from './dead-hosts.ts';
export { createDns } from './dns.ts';
export type { DnsOptions } from './dns.ts';
export { createLocator, systemLocator } from './locate.ts';
export type { LocatorOptions } from './locate.ts';
export type { Dns, NaptrRecord, SrvRecord } from './ports.ts';
