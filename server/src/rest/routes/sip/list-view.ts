import { z } from 'zod';
import type { CredentialListRecord, IpListRecord } from '../../../tenants/index.ts';
import { rfc2822 } from '../../dates.ts';

/** What the two kinds of lists have in common. */
const listMembers = {
  sid: z.string(),
  account_sid: z.string(),
  friendly_name: z.string(),
  date_created: z.string(),
  date_updated: z.string(),
  uri: z.string(),
  subresource_uris: z.record(z.string(), z.string()),
};
export const credentialListSchema = z.object(listMembers).meta({ id: 'SipCredentialList' });
export const ipListSchema = z.object(listMembers).meta({ id: 'SipIpAccessControlList' });

/** Names of a kind of list in addresses and bodies. */
export const LISTS = {
  credentialList: { path: 'CredentialLists', entries: 'Credentials', member: 'credentials' },
  ipList: { path: 'IpAccessControlLists', entries: 'IpAddresses', member: 'ip_addresses' },
} as const;

export function listView(record: CredentialListRecord | IpListRecord): z.input<typeof credentialListSchema> {
  const { path, entries, member } = LISTS[record.kind];
  const base = `/2010-04-01/Accounts/${record.accountSid}/SIP/${path}/${record.sid}`;
  return {
    sid: record.sid,
    account_sid: record.accountSid,
    friendly_name: record.name,
    date_created: rfc2822(record.createdAt),
    date_updated: rfc2822(record.updatedAt),
    uri: `${base}.json`,
    subresource_uris: { [member]: `${base}/${entries}.json` },
  };
}
