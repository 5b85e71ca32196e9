import { readFileSync } from 'node:fs';
import { accountGuardsSchema, guardsInForce } from '../../tenants/index.ts';
import type { AccountGuards, AccountRecord, TenantStore } from '../../tenants/index.ts';
import type { Command } from './command.ts';
import type { CommandLine, OptionSpec } from './command-line.ts';
import type { Row } from './output.ts';
import { accountOf, accountOption } from './owner-options.ts';
import { UsageError } from './usage-error.ts';

type GuardName = keyof typeof accountGuardsSchema.shape;

const help = (name: GuardName): string => accountGuardsSchema.shape[name].description ?? '';
const LISTS = ['allowed', 'blocked'] as const;
const COUNTS = ['defaultPrice', 'callsPerMinute', 'spendPerHour', 'spendPerDay'] as const;
const optionOf = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const guardOptions: Readonly<Record<string, OptionSpec>> = {
  allowed: { value: 'PREFIX,...|default', help: help('allowed') },
  blocked: { value: 'PREFIX,...|default', help: help('blocked') },
  'high-risk': { value: 'blocked|open|default', help: help('highRisk') },
  prices: { value: 'FILE|default', help: `JSON object of prefix to price: ${help('prices')}` },
  ...Object.fromEntries(
    COUNTS.map((name) => [optionOf(name), { value: 'N|default', help: help(name) } satisfies OptionSpec]),
  ),
};

/** Against toll fraud. */
export const guardCommands: Readonly<Record<string, Command>> = {
  'guards show': {
    help: 'where the calls of an account may go, what they cost, and what they may cost',
    options: { account: accountOption },
    run: async (store, line) => await rowOf(store, await accountRecord(store, line)),
  },
  'guards set': {
    help: 'changes the guards that are given, within two seconds; those that are not stay',
    options: { ...guardOptions, account: accountOption },
    run: async (store, line) => {
      const changes = changesOf(line);
      if (changes.size === 0) throw new UsageError('usage', 'guards set: no guard was given');
      const record = await accountRecord(store, line);
      const all = { ...record.guards, ...Object.fromEntries(changes) };
      const guards = Object.fromEntries(
        Object.entries(all).filter(([, value]) => value !== undefined),
      ) as AccountGuards;
      return await rowOf(store, await store.setAccountGuards(record.sid, guards));
    },
  },
};

/** Undefined: the owner's again, or the default. */
function changesOf(line: CommandLine): Map<GuardName, unknown> {
  const changes = new Map<GuardName, unknown>();
  const take = (name: GuardName, read: (text: string) => unknown): void => {
    const text = line.get(optionOf(name));
    if (text !== undefined) changes.set(name, text === 'default' ? undefined : read(text));
  };
  for (const name of LISTS) take(name, (text) => text.split(',').filter((each) => each !== ''));
  take('highRisk', (text) => text);
  take('prices', readPrices);
  for (const name of COUNTS) {
    take(name, (text) => {
      if (/^\d+$/.test(text)) return Number(text);
      throw new UsageError('usage', `--${optionOf(name)} ${text}: expected a whole number, or default`);
    });
  }
  return changes;
}

function readPrices(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError('usage', `--prices ${file}: expected a JSON file as {"+49": 2, "+4915": 9}`, { cause: error });
  }
}

async function accountRecord(store: TenantStore, line: CommandLine): Promise<AccountRecord> {
  const sid = await accountOf(store, line);
  const record = await store.record('account', sid);
  if (record === undefined)
    throw new UsageError('usage', `there is no account ${sid}: see \`hookswitch accounts list\``);
  return record;
}

async function rowOf(store: TenantStore, record: AccountRecord): Promise<Row> {
  const accounts = new Map((await store.accounts()).map((account) => [account.sid, account]));
  const inForce = guardsInForce({ accountBySid: (sid) => accounts.get(sid) }, record);
  const shown = Object.entries(inForce).map(([name, value]): [string, string] => {
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    return [name, record.guards[name as GuardName] === undefined ? `${text} (not its own)` : text];
  });
  return { account: record.sid, ...Object.fromEntries(shown) };
}
