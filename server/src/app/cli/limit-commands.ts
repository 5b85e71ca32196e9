import { accountLimitsSchema, effectiveLimits } from '../../tenants/index.ts';
import type { AccountLimits, AccountRecord, AllAccountLimits, TenantStore } from '../../tenants/index.ts';
import type { Command } from './command.ts';
import type { CommandLine, OptionSpec } from './command-line.ts';
import type { Row } from './output.ts';
import { accountOf, accountOption } from './owner-options.ts';
import { UsageError } from './usage-error.ts';

type LimitName = keyof AllAccountLimits;

/** publishBytesPerSecond is --publish-bytes-per-second. */
const optionOf = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const NAMES = Object.keys(accountLimitsSchema.shape) as LimitName[];

const limitOptions: Readonly<Record<string, OptionSpec>> = Object.fromEntries(
  NAMES.map((name) => [
    optionOf(name),
    { value: 'N|default', help: accountLimitsSchema.shape[name].description ?? '' } satisfies OptionSpec,
  ]),
);

/** What an account may use of the event hub. */
export const limitCommands: Readonly<Record<string, Command>> = {
  'limits show': {
    help: 'what an account may use of the event hub, and how much of its events is kept',
    options: { account: accountOption },
    run: async (store, line) => rowOf(await accountRecord(store, line)),
  },
  'limits set': {
    help: 'changes the limits that are given, within two seconds and without reconnects; those that are not stay',
    options: { ...limitOptions, account: accountOption },
    run: async (store, line) => {
      const changes = changesOf(line);
      if (changes.size === 0) throw new UsageError('usage', 'limits set: no limit was given');
      const record = await accountRecord(store, line);
      const limits: AccountLimits = Object.fromEntries(
        NAMES.flatMap((name) => {
          const value = changes.has(name) ? changes.get(name) : record.limits[name];
          return value === undefined ? [] : [[name, value]];
        }),
      );
      return rowOf(await store.setAccountLimits(record.sid, limits));
    },
  },
};

/** Undefined: the default again. */
function changesOf(line: CommandLine): Map<LimitName, number | undefined> {
  const changes = new Map<LimitName, number | undefined>();
  for (const name of NAMES) {
    const option = optionOf(name);
    const text = line.get(option);
    if (text === undefined) continue;
    if (text !== 'default' && !/^\d+$/.test(text)) {
      throw new UsageError('usage', `--${option} ${text}: expected a whole number, or default`);
    }
    changes.set(name, text === 'default' ? undefined : Number(text));
  }
  return changes;
}

async function accountRecord(store: TenantStore, line: CommandLine): Promise<AccountRecord> {
  const sid = await accountOf(store, line);
  const record = await store.record('account', sid);
  if (record === undefined)
    throw new UsageError('usage', `there is no account ${sid}: see \`hookswitch accounts list\``);
  return record;
}

function rowOf({ sid, limits }: AccountRecord): Row {
  const effective = effectiveLimits(limits);
  const shown = NAMES.map((name): [string, string] => {
    const text = String(effective[name]);
    return [name, limits[name] === undefined ? `${text} (default)` : text];
  });
  return { account: sid, ...Object.fromEntries(shown) };
}
