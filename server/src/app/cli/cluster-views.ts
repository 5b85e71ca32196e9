import { queueViewSchema, tenantListSchema, trunkListSchema } from '@hookswitch/shared';
import type { RunState } from '../run-state.ts';
import type { CommandLine, CommandSpec } from './command-line.ts';
import { operatorGet } from './operator-http.ts';
import type { Row } from './output.ts';

interface ClusterView extends CommandSpec {
  run(state: RunState, line: CommandLine): Promise<readonly Row[] | Row>;
}

async function read(state: RunState, path: string): Promise<unknown> {
  return JSON.parse((await operatorGet(state, `/v1/cluster/${path}`)).toString('utf8'));
}

const limit = { limit: { value: 'N', help: 'so many rows (default 100, up to 1000)' } };
const limitOf = (line: CommandLine): number => line.number('limit', { from: 1, to: 1000 }) ?? 100;
const most = (limited: number | null): string => (limited === null ? '' : `/${limited}`);

/** What an operator looks at beside the nodes: the same as on the page. */
export const CLUSTER_VIEWS: Readonly<Record<string, ClusterView>> = {
  queue: {
    help: 'calls that were asked for and wait, by account; the first row is all together',
    options: limit,
    run: async (state, line) => {
      const queue = queueViewSchema.parse(await read(state, `queue?limit=${limitOf(line)}`));
      const all = { ...queue, accountSid: '(all)', name: `scheduled by ${queue.node ?? 'nobody'}` };
      return [all, ...queue.accounts].map(({ accountSid, name, waiting, scheduled, running, oldestWaitMs }) => ({
        ...{ account: accountSid, name, waiting, scheduled, running },
        longestWaitS: oldestWaitMs === null ? null : Math.round(oldestWaitMs / 1000),
      }));
    },
  },
  tenants: {
    help: 'accounts with what they have now, the busiest first; `accounts suspend AC...` stops one',
    options: limit,
    run: async (state, line) => {
      const { tenants } = tenantListSchema.parse(await read(state, `tenants?limit=${limitOf(line)}`));
      return tenants.map(({ accountSid, name, status, calls, queued, scheduled, connections, uses }) => ({
        ...{ account: accountSid, name, status, calls, queued, scheduled, clients: connections },
        limits: uses.filter(({ used }) => used > 0).map(({ limit: which, used, of }) => `${which} ${used}/${of}`),
      }));
    },
  },
  trunks: {
    help: 'trunks of all accounts: channels in use on all nodes, and gateways that are not reached',
    options: limit,
    run: async (state, line) => {
      const { trunks } = trunkListSchema.parse(await read(state, `trunks?limit=${limitOf(line)}`));
      return trunks.map((trunk) => ({
        trunk: trunk.trunkSid,
        name: trunk.name,
        account: trunk.accountName,
        channels: `${trunk.in + trunk.out}${most(trunk.limits.total)}`,
        in: `${trunk.in}${most(trunk.limits.in)}`,
        out: `${trunk.out}${most(trunk.limits.out)}`,
        up: trunk.gateways.filter(({ up }) => up).map(({ name }) => name),
        down: trunk.gateways.filter(({ up }) => !up).map(({ name }) => name),
      }));
    },
  },
  console: {
    help: "the address of the operator's page, and the key that opens it",
    options: {},
    run: (state) =>
      Promise.resolve({ page: new URL('#cluster', state.pageUrl).href, operatorKey: state.operatorKey ?? null }),
  },
};
