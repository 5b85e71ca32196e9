import { z } from 'zod';
import { BRIDGE_RPC } from '../../bridge/index.ts';
import type { SipDomainRecord, SipUserRecord, TenantStore } from '../../tenants/index.ts';
import { accountOf, accountOption, applicationOf } from './owner-options.ts';
import type { Command } from './command.ts';
import type { CommandLine, OptionSpec } from './command-line.ts';
import type { Row } from './output.ts';
import { UsageError } from './usage-error.ts';

const account = accountOption;
const domainOption: OptionSpec = { value: 'DOMAIN', help: 'SIP domain (default: the only one)' };

const domainRow = (record: SipDomainRecord): Row => ({
  sid: record.sid,
  domain: record.domain,
  application: record.applicationSid,
  registration: record.registration ? 'allowed' : 'refused',
  account: record.accountSid,
});
const userRow = (record: SipUserRecord, domain: string, password: string | undefined): Row => ({
  sid: record.sid,
  user: record.username,
  domain,
  caller: record.callerNumber,
  ...(password === undefined ? {} : { password }),
});

const allowed = (text = 'allow'): boolean => {
  if (text === 'allow' || text === 'refuse') return text === 'allow';
  throw new UsageError('usage', `--registration ${text}: expected allow or refuse`);
};

/** By sid or by name. @throws UsageError */
async function domainOf(store: TenantStore, line: CommandLine, named: string | undefined): Promise<SipDomainRecord> {
  const domains = await store.phones.domains(line.get('account'));
  const found = named === undefined ? domains : domains.filter(({ sid, domain }) => [sid, domain].includes(named));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const problem =
    named === undefined
      ? 'there are several SIP domains, or none: name one with --domain'
      : `there is no SIP domain ${named}`;
  throw new UsageError('usage', `${problem} (see \`hookswitch sip-domains list\`)`);
}

/** By sid, `user@domain`, or a user name that is used once. @throws UsageError */
async function userOf(store: TenantStore, named: string): Promise<SipUserRecord> {
  const domains = new Map((await store.phones.domains()).map(({ sid, domain }) => [sid, domain]));
  const found = (await store.phones.users()).filter(({ sid, username, domainSid }) =>
    [sid, username, `${username}@${domains.get(domainSid) ?? ''}`].includes(named),
  );
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw new UsageError(
    'usage',
    `${found.length === 0 ? 'there is no SIP user' : 'there are several SIP users'} ${named} (see \`hookswitch sip-users list\`)`,
  );
}

const phonesAnswer = z.object({
  phones: z.array(
    z.object({
      address: z.string(),
      contact: z.string(),
      source: z.string(),
      userAgent: z.string().optional(),
      expiresAt: z.string(),
    }),
  ),
});

/** SIP domains, their users and the phones that are registered. */
export const phoneCommands: Record<string, Command> = {
  'sip-domains add': {
    help: 'lets SIP phones register in a domain',
    argument: 'DOMAIN',
    options: {
      application: { value: 'AP...', help: 'runs the calls of its phones (default: the only application)' },
      registration: { value: 'allow|refuse', help: 'whether phones may register (default allow)' },
      account,
    },
    run: async (store, line) => {
      const owner = await accountOf(store, line);
      const applicationSid = await applicationOf(store, line, owner);
      const registration = allowed(line.get('registration'));
      return domainRow(await store.phones.addDomain(owner, { domain: line.argument, applicationSid, registration }));
    },
  },
  'sip-domains list': {
    help: 'SIP domains',
    options: { account },
    run: async (store, line) => (await store.phones.domains(line.get('account'))).map(domainRow),
  },
  'sip-domains remove': {
    help: 'removes a domain that has no users any more',
    argument: 'SD...|DOMAIN',
    options: {},
    run: async (store, line) => {
      const { sid } = await domainOf(store, line, line.argument);
      await store.phones.removeDomain(sid);
      return `${sid} removed`;
    },
  },
  'sip-users add': {
    help: 'makes a user of a SIP domain and shows the password that a phone needs',
    argument: 'USER',
    options: {
      domain: domainOption,
      password: { value: 'TEXT', help: 'default: one is made' },
      caller: { value: '+NUMBER', help: 'shown as caller (default: the SIP URI)' },
      account,
    },
    run: async (store, line) => {
      const domain = await domainOf(store, line, line.get('domain'));
      const given = line.get('password');
      const { user, password } = await store.phones.addUser(domain.sid, {
        username: line.argument,
        callerNumber: line.get('caller') ?? null,
        ...(given === undefined ? {} : { password: given }),
      });
      return userRow(user, domain.domain, password);
    },
  },
  'sip-users list': {
    help: 'users of SIP domains',
    options: { account },
    run: async (store, line) => {
      const domains = await store.phones.domains(line.get('account'));
      const names = new Map(domains.map(({ sid, domain }) => [sid, domain]));
      const users = (await store.phones.users()).filter(({ domainSid }) => names.has(domainSid));
      return users.map((user) => userRow(user, names.get(user.domainSid) ?? '', undefined));
    },
  },
  'sip-users show': {
    help: 'a user with the password, to set a phone up',
    argument: 'CR...|USER|USER@DOMAIN',
    options: {},
    run: async (store, line) => {
      const user = await userOf(store, line.argument);
      const domain = (await store.phones.domains()).find(({ sid }) => sid === user.domainSid)?.domain ?? '';
      return userRow(user, domain, store.phones.password(user));
    },
  },
  'sip-users remove': {
    help: 'refuses the registrations and calls of a user from now on',
    argument: 'CR...|USER|USER@DOMAIN',
    options: {},
    run: async (store, line) => {
      const { sid } = await userOf(store, line.argument);
      await store.phones.removeUser(sid);
      return `${sid} removed`;
    },
  },
  'phones list': {
    help: 'SIP phones that are registered at the running server',
    options: { account },
    run: async (store, line, server) => {
      const accountSid = await accountOf(store, line);
      const { phones } = phonesAnswer.parse(await server.ask(BRIDGE_RPC.phones, { accountSid }));
      return phones.map(({ address, contact, source, userAgent, expiresAt }) => ({
        address,
        contact,
        source,
        phone: userAgent ?? null,
        expires: expiresAt,
      }));
    },
  },
};
