import type { Twilio } from 'twilio';
import type { OperationWorld } from './operation-world.ts';

type Drive = (client: Twilio, world: OperationWorld) => Promise<unknown>;

type Domain = ReturnType<Twilio['sip']['domains']>;
type CredentialList = ReturnType<Twilio['sip']['credentialLists']>;
type AddressList = ReturnType<Twilio['sip']['ipAccessControlLists']>;

const domain = async (client: Twilio, world: OperationWorld): Promise<Domain> =>
  client.sip.domains((await client.sip.domains.create({ domainName: `d${world.unused()}.example.com` })).sid);
const credentialList = async (client: Twilio): Promise<CredentialList> =>
  client.sip.credentialLists((await client.sip.credentialLists.create({ friendlyName: 'office' })).sid);
const credential = async (client: Twilio): Promise<ReturnType<CredentialList['credentials']>> => {
  const { credentials } = await credentialList(client);
  return credentials((await credentials.create({ username: 'pbx', password: 'Correct horse 1' })).sid);
};
const addressList = async (client: Twilio): Promise<AddressList> =>
  client.sip.ipAccessControlLists((await client.sip.ipAccessControlLists.create({ friendlyName: 'net' })).sid);
const address = async (client: Twilio): Promise<ReturnType<AddressList['ipAddresses']>> => {
  const { ipAddresses } = await addressList(client);
  return ipAddresses((await ipAddresses.create({ friendlyName: 'one', ipAddress: '192.0.2.1' })).sid);
};

interface Mappings {
  (sid: string): { fetch(): Promise<unknown>; remove(): Promise<boolean> };
  list(): Promise<readonly unknown[]>;
}

/** The four operations of one kind of mapping. */
function mapped(
  name: string,
  make: (domain: Domain, client: Twilio) => Promise<string>,
  of: (domain: Domain) => Mappings,
): Record<string, Drive> {
  return {
    [`Create${name}`]: async (client, world) => make(await domain(client, world), client),
    [`List${name}`]: async (client, world) => {
      const made = await domain(client, world);
      await make(made, client);
      if ((await of(made).list()).length !== 1) throw new Error('the list has one');
    },
    [`Fetch${name}`]: async (client, world) => {
      const made = await domain(client, world);
      return await of(made)(await make(made, client)).fetch();
    },
    [`Delete${name}`]: async (client, world) => {
      const made = await domain(client, world);
      return await of(made)(await make(made, client)).remove();
    },
  };
}

const credentials = async (client: Twilio): Promise<{ credentialListSid: string }> => ({
  credentialListSid: (await (await credentialList(client)).fetch()).sid,
});
const addresses = async (client: Twilio): Promise<{ ipAccessControlListSid: string }> => ({
  ipAccessControlListSid: (await (await addressList(client)).fetch()).sid,
});
const sidOf = ({ sid }: { readonly sid: string }): string => sid;

/** How the official helper library asks for each operation of SIP resources. */
export const SIP_DRIVES: Readonly<Record<string, Drive>> = {
  CreateSipDomain: domain,
  ListSipDomain: (client) => client.sip.domains.list(),
  FetchSipDomain: async (client, world) => (await domain(client, world)).fetch(),
  UpdateSipDomain: async (client, world) => (await domain(client, world)).update({ sipRegistration: true }),
  DeleteSipDomain: async (client, world) => (await domain(client, world)).remove(),
  CreateSipCredentialList: credentialList,
  ListSipCredentialList: (client) => client.sip.credentialLists.list(),
  FetchSipCredentialList: async (client) => (await credentialList(client)).fetch(),
  UpdateSipCredentialList: async (client) => (await credentialList(client)).update({ friendlyName: 'home' }),
  DeleteSipCredentialList: async (client) => (await credentialList(client)).remove(),
  CreateSipCredential: credential,
  ListSipCredential: async (client) => (await credentialList(client)).credentials.list(),
  FetchSipCredential: async (client) => (await credential(client)).fetch(),
  UpdateSipCredential: async (client) => (await credential(client)).update({ password: 'Another horse 2' }),
  DeleteSipCredential: async (client) => (await credential(client)).remove(),
  CreateSipIpAccessControlList: addressList,
  ListSipIpAccessControlList: (client) => client.sip.ipAccessControlLists.list(),
  FetchSipIpAccessControlList: async (client) => (await addressList(client)).fetch(),
  UpdateSipIpAccessControlList: async (client) => (await addressList(client)).update({ friendlyName: 'other' }),
  DeleteSipIpAccessControlList: async (client) => (await addressList(client)).remove(),
  CreateSipIpAddress: address,
  ListSipIpAddress: async (client) => (await addressList(client)).ipAddresses.list(),
  FetchSipIpAddress: async (client) => (await address(client)).fetch(),
  UpdateSipIpAddress: async (client) => (await address(client)).update({ cidrPrefixLength: 30 }),
  DeleteSipIpAddress: async (client) => (await address(client)).remove(),
  ...mapped(
    'SipCredentialListMapping',
    async (made, client) => sidOf(await made.credentialListMappings.create(await credentials(client))),
    (made) => made.credentialListMappings,
  ),
  ...mapped(
    'SipIpAccessControlListMapping',
    async (made, client) => sidOf(await made.ipAccessControlListMappings.create(await addresses(client))),
    (made) => made.ipAccessControlListMappings,
  ),
  ...mapped(
    'SipAuthCallsCredentialListMapping',
    async (made, client) => sidOf(await made.auth.calls.credentialListMappings.create(await credentials(client))),
    (made) => made.auth.calls.credentialListMappings,
  ),
  ...mapped(
    'SipAuthCallsIpAccessControlListMapping',
    async (made, client) => sidOf(await made.auth.calls.ipAccessControlListMappings.create(await addresses(client))),
    (made) => made.auth.calls.ipAccessControlListMappings,
  ),
  ...mapped(
    'SipAuthRegistrationsCredentialListMapping',
    async (made, client) =>
      sidOf(await made.auth.registrations.credentialListMappings.create(await credentials(client))),
    (made) => made.auth.registrations.credentialListMappings,
  ),
};
