import { issueToken } from '../../hub/index.ts';
import { systemClock, systemRandom } from '../../kernel/index.ts';
import type { AccountRecord, ApplicationRecord, NumberRecord } from '../../tenants/index.ts';
import { accountOf, accountOption, applicationOf } from './owner-options.ts';
import type { Command } from './command.ts';
import type { CommandLine, OptionSpec } from './command-line.ts';
import { guardCommands } from './guard-commands.ts';
import { limitCommands } from './limit-commands.ts';
import type { Row } from './output.ts';
import { numberPoolCommands } from './number-pool-commands.ts';
import { phoneCommands } from './phone-commands.ts';
import { trunkCommands } from './trunk-commands.ts';
import { UsageError } from './usage-error.ts';

const account = accountOption;
const list = (help: string, run: Command['run']): Command => ({ help, options: { account }, run });

const accountRow = ({ sid, name, status, createdAt }: AccountRecord): Row => ({
  sid,
  name,
  status,
  created: createdAt,
});
const applicationRow = (record: ApplicationRecord): Row => ({
  sid: record.sid,
  name: record.name,
  voiceUrl: record.voiceUrl,
  voiceMethod: record.voiceMethod,
  fallbackUrl: record.voiceFallbackUrl,
  statusCallback: record.statusCallback,
  account: record.accountSid,
});
const numberRow = (record: NumberRecord): Row => ({
  sid: record.sid,
  number: record.number,
  name: record.name,
  application: record.applicationSid,
  account: record.accountSid,
});
const method = (text: string | undefined): 'GET' | 'POST' | undefined => {
  if (text === undefined || text === 'GET' || text === 'POST') return text;
  throw new UsageError('usage', `--voice-method ${text}: expected GET or POST`);
};

const accounts: Record<string, Command> = {
  'accounts create': {
    help: 'makes an account and shows its auth token, once',
    options: { name: { value: 'NAME', help: 'for people', required: true } },
    run: async (store, line) => {
      const made = await store.createAccount(line.need('name'));
      return { ...accountRow(made.account), authToken: made.authToken };
    },
  },
  'accounts list': {
    help: 'all accounts',
    options: {},
    run: async (store) => (await store.accounts()).map(accountRow),
  },
  'accounts suspend': {
    help: 'refuses the calls and tokens of an account from now on',
    argument: 'AC...',
    options: {},
    run: async (store, line) => accountRow(await store.setAccountStatus(line.argument, 'suspended')),
  },
  'accounts activate': {
    help: 'takes a suspension back',
    argument: 'AC...',
    options: {},
    run: async (store, line) => accountRow(await store.setAccountStatus(line.argument, 'active')),
  },
  'accounts credentials': {
    help: 'prints the auth token and the oldest key of an account, as environment variables',
    options: { account },
    run: async (store, line) => {
      const accountSid = await accountOf(store, line);
      const { authToken, key } = await store.credentials(accountSid);
      const variables = {
        HOOKSWITCH_ACCOUNT: accountSid,
        HOOKSWITCH_AUTH_TOKEN: authToken,
        HOOKSWITCH_API_KEY: key?.sid ?? '',
        HOOKSWITCH_API_SECRET: key?.secret ?? '',
      };
      if (line.json) return variables;
      const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${value}`);
      return exports.join('\n');
    },
  },
};

const keys: Record<string, Command> = {
  'keys create': {
    help: 'makes an API key and shows its secret, once',
    options: { name: { value: 'NAME', help: 'for people', required: true }, account },
    run: async (store, line) => {
      const { key, secret } = await store.createKey(await accountOf(store, line), line.need('name'));
      return { sid: key.sid, name: key.name, account: key.accountSid, secret };
    },
  },
  'keys list': list('API keys', async (store, line) =>
    (await store.keys(line.get('account'))).map((key) => ({
      sid: key.sid,
      name: key.name,
      account: key.accountSid,
      created: key.createdAt,
    })),
  ),
  'keys delete': {
    help: 'refuses tokens of the key from now on',
    argument: 'SK...',
    options: {},
    run: async (store, line) => {
      await store.deleteKey(line.argument);
      return `${line.argument} deleted`;
    },
  },
};

const urlOptions = (required: boolean): Record<string, OptionSpec> => ({
  name: { value: 'NAME', help: 'for people', required },
  'voice-url': { value: 'URL', help: 'where instructions for calls are fetched', required },
  'voice-method': { value: 'GET|POST', help: 'default POST' },
  'fallback-url': { value: 'URL', help: 'asked when the voice URL fails' },
  'status-callback': { value: 'URL', help: 'told about the progress of calls' },
});
const given = <K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, string>);
const applicationInput = (line: CommandLine) => {
  const voiceMethod = method(line.get('voice-method'));
  return {
    ...(voiceMethod === undefined ? {} : { voiceMethod }),
    ...given('voiceFallbackUrl', line.get('fallback-url')),
    ...given('statusCallback', line.get('status-callback')),
  };
};
const applications: Record<string, Command> = {
  'applications create': {
    help: 'makes an application: what runs the calls of the numbers that name it',
    options: { ...urlOptions(true), account },
    run: async (store, line) => {
      const input = { name: line.need('name'), voiceUrl: line.need('voice-url'), ...applicationInput(line) };
      return applicationRow(await store.createApplication(await accountOf(store, line), input));
    },
  },
  'applications list': list('applications', async (store, line) =>
    (await store.applications(line.get('account'))).map(applicationRow),
  ),
  'applications update': {
    help: 'changes what is given',
    argument: 'AP...',
    options: urlOptions(false),
    run: async (store, line) => {
      const changes = {
        ...given('name', line.get('name')),
        ...given('voiceUrl', line.get('voice-url')),
        ...applicationInput(line),
      };
      if (Object.keys(changes).length === 0)
        throw new UsageError('usage', 'applications update: nothing to change was given');
      return applicationRow(await store.updateApplication(line.argument, changes));
    },
  },
};

const numbers: Record<string, Command> = {
  'numbers add': {
    help: 'gives a number to an account',
    argument: 'NUMBER',
    options: {
      application: { value: 'AP...', help: 'what runs its calls (default: the only application of the account)' },
      name: { value: 'NAME', help: 'for people' },
      account,
    },
    run: async (store, line) => {
      const owner = await accountOf(store, line);
      const applicationSid = await applicationOf(store, line, owner);
      return numberRow(
        await store.addNumber(owner, { number: line.argument, applicationSid, ...given('name', line.get('name')) }),
      );
    },
  },
  'numbers list': list('numbers', async (store, line) => (await store.numbers(line.get('account'))).map(numberRow)),
};

const token: Record<string, Command> = {
  token: {
    help: 'prints an access token for a client, signed with the oldest key of the account',
    options: {
      identity: { value: 'NAME', help: 'who the client is, e.g. alice or support/tier1/alice', required: true },
      ttl: { value: 'SECONDS', help: 'its life, up to 86400 (default 3600)' },
      application: { value: 'AP...', help: 'runs outgoing calls (default: the token allows none)' },
      subscribe: { value: 'PATTERN,...', help: 'further topics it may follow', many: true },
      publish: { value: 'PATTERN,...', help: 'topics below app. it may publish on', many: true },
      account,
    },
    run: async (store, line) => {
      const ttlSeconds = line.number('ttl', { from: 1, to: 86_400 });
      const accountSid = await accountOf(store, line);
      const { key } = await store.credentials(accountSid);
      if (key === undefined) {
        throw new UsageError(
          'usage',
          `account ${accountSid} has no key: make one with \`hookswitch keys create --name NAME\``,
        );
      }
      const applicationSid = line.get('application');
      const identity = line.need('identity');
      const subscribe = line.list('subscribe');
      const publish = line.list('publish');
      const request = {
        accountSid,
        keySid: key.sid,
        secret: key.secret,
        identity,
        ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
        voice: {
          incoming: { allow: true },
          ...(applicationSid === undefined ? {} : { outgoing: { application_sid: applicationSid } }),
        },
        hub: {
          // A list replaces the default, which is the client's own topics: keep these.
          ...(subscribe === undefined
            ? {}
            : { subscribe: [`clients.${identity.replaceAll('/', '.')}.>`, ...subscribe] }),
          ...(publish === undefined ? {} : { publish }),
        },
      };
      try {
        return issueToken(request, systemClock, systemRandom);
      } catch (error) {
        throw new UsageError('usage', `token: the grants are not valid (identity, --subscribe, --publish)`, {
          cause: error,
        });
      }
    },
  },
};

/** By what is typed after `hookswitch`. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  ...accounts,
  ...keys,
  ...applications,
  ...guardCommands,
  ...limitCommands,
  ...numbers,
  ...trunkCommands,
  ...phoneCommands,
  ...numberPoolCommands,
  ...token,
};
