import { z } from 'zod';
import { BRIDGE_RPC } from '../../bridge/index.ts';
import type { TenantStore, TrunkRecord } from '../../tenants/index.ts';
import { accountOf, accountOption } from './owner-options.ts';
import type { Command } from './command.ts';
import type { CommandLine } from './command-line.ts';
import { TRUNK_OPTIONS, trunkChanges, trunkDetails, trunkRow } from './trunk-options.ts';
import { UsageError } from './usage-error.ts';

const name = { value: 'NAME', help: 'for people' };
const trunkAccount = { value: 'AC...', help: "whose trunk it is (default: anybody's)" };
/** Seconds between pings of a trunk that is added by hand. */
const OPTIONS_INTERVAL_S = 60;

const testAnswer = z.object({
  test: z
    .object({
      gateways: z.array(
        z.object({
          gateway: z.string(),
          result: z.string(),
          said: z.string(),
          software: z.string().optional(),
          ms: z.number(),
        }),
      ),
      registration: z.string().optional(),
    })
    .optional(),
});

/** @throws UsageError when there is none, or a name has several and `--account` does not say which */
async function trunkOf(store: TenantStore, line: CommandLine): Promise<TrunkRecord> {
  const { argument } = line;
  const all = await store.trunks(line.get('account'));
  const [found, ...more] = all.filter(({ sid, name: called }) => sid === argument || called === argument);
  if (found === undefined) {
    throw new UsageError('usage', `there is no trunk ${argument} (see \`hookswitch trunks list\`)`);
  }
  if (more.length === 0) return found;
  const which = [found, ...more].map(({ sid, accountSid }) => `${sid} of ${accountSid}`).join(', ');
  throw new UsageError('usage', `several trunks are called ${argument}: give the sid (${which})`);
}

/** `hookswitch trunks ...`: how accounts are connected with carriers. */
export const trunkCommands: Readonly<Record<string, Command>> = {
  'trunks add': {
    help: 'connects an account with a carrier',
    options: { name: { ...name, required: true }, ...TRUNK_OPTIONS, account: accountOption },
    run: async (store, line) => {
      const { settings, ...values } = trunkChanges(line);
      const input = {
        ...values,
        name: line.need('name'),
        settings: { optionsIntervalS: OPTIONS_INTERVAL_S, ...settings },
      };
      return trunkRow(await store.addTrunk(await accountOf(store, line), input));
    },
  },
  'trunks list': {
    help: 'trunks',
    options: { account: accountOption },
    run: async (store, line) => (await store.trunks(line.get('account'))).map(trunkRow),
  },
  'trunks show': {
    help: 'everything about a trunk but its secrets',
    argument: 'TK...|NAME',
    options: { account: trunkAccount },
    run: async (store, line) => trunkDetails(await trunkOf(store, line)),
  },
  'trunks update': {
    help: 'changes what is given',
    argument: 'TK...|NAME',
    options: { name, ...TRUNK_OPTIONS, account: trunkAccount },
    run: async (store, line) => {
      const before = await trunkOf(store, line);
      const { settings, ...values } = trunkChanges(line, before);
      return trunkDetails(
        await store.updateTrunk(before.sid, { ...values, ...(settings === undefined ? {} : { settings }) }),
      );
    },
  },
  'trunks test': {
    help: 'sends OPTIONS to the gateways of a trunk, from the running server, and says what came back',
    argument: 'TK...|NAME',
    options: { account: trunkAccount },
    run: async (store, line, server) => {
      const { sid, name: called } = await trunkOf(store, line);
      const { test } = testAnswer.parse(await server.ask(BRIDGE_RPC.testTrunk, { trunkSid: sid }));
      if (test === undefined) throw new UsageError('no-server', `the server does not know trunk ${sid} yet: try again`);
      if (test.gateways.length === 0) return `trunk '${called}' has no gateway: it takes calls and sends none`;
      const { registration } = test;
      return test.gateways.map(({ gateway, result, said, software, ms }) => ({
        gateway,
        result,
        said,
        software: software ?? null,
        ms,
        ...(registration === undefined ? {} : { registration }),
      }));
    },
  },
  'trunks remove': {
    help: 'refuses the calls of a trunk from now on and sends none to it; live calls go on',
    argument: 'TK...|NAME',
    options: { account: trunkAccount },
    run: async (store, line) => {
      const { sid } = await trunkOf(store, line);
      await store.deleteTrunk(sid);
      return `${sid} removed`;
    },
  },
};
