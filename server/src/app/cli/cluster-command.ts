import { resolve } from 'node:path';
import { decisionListSchema, nodeListSchema } from '@hookswitch/shared';
import type { NodeList } from '@hookswitch/shared';
import { describeError } from '../../kernel/index.ts';
import type { CommandIo } from '../io.ts';
import { readRunState } from '../run-state.ts';
import type { RunState } from '../run-state.ts';
import { CLUSTER_VIEWS } from './cluster-views.ts';
import { parseCommand, usageOf } from './command-line.ts';
import type { CommandLine, CommandSpec } from './command-line.ts';
import type { DispatcherNode } from './dispatcher-list.ts';
import { dispatcherList, followCluster, writeDispatcherList } from './dispatcher-list.ts';
import { operatorGet, operatorPost } from './operator-http.ts';
import { details, table } from './output.ts';
import type { Row } from './output.ts';
import { UsageError } from './usage-error.ts';

/** For the overview of all commands. */
export const CLUSTER_HELP =
  'list: call nodes and their load; drain NODE: takes one out of service without dropping calls; explain: why there are as many; queue, tenants, trunks: what waits and what is in use; console: the page of all that; dispatcher: for Kamailio';

interface ClusterCommand extends CommandSpec {
  run(state: RunState, line: CommandLine, io: CommandIo): Promise<readonly Row[] | Row>;
  /** How it is shown to people (default: as a table). */
  text?(rows: readonly Row[]): string[];
}

const answered = (body: Buffer): unknown => JSON.parse(body.toString('utf8'));

async function nodesOf(state: RunState): Promise<NodeList['nodes']> {
  return nodeListSchema.parse(answered(await operatorGet(state, '/v1/cluster/nodes'))).nodes;
}

const COMMANDS: Readonly<Record<string, ClusterCommand>> = {
  list: {
    help: 'the nodes that take calls, with their load',
    options: {},
    run: async (state) => {
      return (await nodesOf(state)).map((node) => ({
        node: node.node,
        state: node.state,
        roles: node.roles,
        channels: node.channels,
        capacity: node.capacity,
        cpu: node.cpu,
        lagMs: node.loopLagMs,
        packets: node.packetsPerSecond,
        startupMs: node.startupMs,
        sip: node.addresses['sip'] ?? null,
        since: node.startedAt,
      }));
    },
  },
  explain: {
    help: 'what was decided about the number of nodes, and why; the newest last',
    options: { last: { value: 'N', help: 'so many decisions (default 10, up to 500)' } },
    run: async (state, line) => {
      const limit = line.number('last', { from: 1, to: 500 }) ?? 10;
      const body = await operatorGet(state, `/v1/cluster/decisions?limit=${limit}`);
      return decisionListSchema.parse(answered(body)).decisions;
    },
    text: story,
  },
  dispatcher: {
    help: 'writes the nodes that take calls as a dispatcher list of Kamailio (deploy/kamailio)',
    options: {
      out: { value: 'FILE', help: 'replaced in one step when it is another list', required: true },
      reload: { value: 'COMMAND', help: 'run by the shell after a change, such as `kamcmd dispatcher.reload`' },
      follow: { value: 'yes|no', help: 'goes on until Ctrl-C, looking every second (default no)' },
    },
    run: async (state, line, io) => {
      const file = { path: line.need('out'), reload: line.get('reload') };
      const nodes = async (): Promise<readonly DispatcherNode[]> => await nodesOf(state);
      if (line.get('follow') === 'yes') await followCluster(nodes, file, io);
      else await writeDispatcherList(dispatcherList(await nodes()), file);
      return { file: file.path };
    },
  },
  drain: {
    help: 'no new calls, live ones finish, then the process ends; calls still up at the deadline are ended',
    argument: 'NODE',
    options: { deadline: { value: 'SECONDS', help: 'from now (default 3600; up to 86400)' } },
    run: async (state, line) => {
      const deadlineSeconds = line.number('deadline', { from: 0, to: 86_400 });
      const path = `/v1/cluster/nodes/${encodeURIComponent(line.argument)}/drain`;
      const body = deadlineSeconds === undefined ? {} : { deadlineSeconds };
      return answered(await operatorPost(state, path, body)) as Row;
    },
  },
  ...CLUSTER_VIEWS,
};

/** A line for each decision, its reasons below. */
function story(rows: readonly Row[]): string[] {
  if (rows.length === 0) return ['nothing was decided yet'];
  return rows.flatMap((row) => {
    const { at, action, nodes, wanted, load } = row;
    const reasons = Array.isArray(row['reasons']) ? (row['reasons'] as readonly string[]) : [];
    const head = `${String(at)}  ${String(action)}: ${String(nodes)} nodes, ${String(wanted)} wanted, ${String(load)} Erlangs`;
    return [head, ...reasons.map((reason) => `    ${reason}`)];
  });
}

/** `hookswitch cluster ...`: asks the running server. @returns the exit code; never rejects */
export async function runCluster(argv: readonly string[], io: CommandIo): Promise<number> {
  const [verb = '', ...rest] = argv;
  const command = COMMANDS[verb];
  const name = `cluster ${verb}`;
  if (command === undefined || rest.includes('--help') || rest.includes('-h')) {
    const specs = command === undefined ? Object.entries(COMMANDS) : [[verb, command] as const];
    for (const [each, spec] of specs) for (const line of usageOf(`cluster ${each}`, spec)) io.out(line);
    return command === undefined && !['help', '--help', '-h'].includes(verb) ? 2 : 0;
  }
  try {
    const line = parseCommand(name, command, rest);
    const answer = await command.run(serverOf(io, line), line, io);
    if (line.json) io.out(JSON.stringify(answer, null, 2));
    else for (const text of shown(command, answer)) io.out(text);
    return 0;
  } catch (error) {
    io.error(`hookswitch: ${describeError(error)}`);
    if (!(error instanceof UsageError) || error.reason !== 'usage') return 1;
    io.error(usageOf(name, command)[0] ?? '');
    return 2;
  }
}

function shown(command: ClusterCommand, answer: readonly Row[] | Row): string[] {
  if (!isList(answer)) return details(answer);
  return command.text === undefined ? table(answer) : command.text(answer);
}

function isList(answer: readonly Row[] | Row): answer is readonly Row[] {
  return Array.isArray(answer);
}

function serverOf(io: CommandIo, { dataDir = io.defaultDataDir }: CommandLine): RunState {
  const state = readRunState(resolve(dataDir));
  if (state !== undefined) return state;
  const message = `no server runs on ${resolve(dataDir)}: start it with \`npm start\`, or name another --data-dir`;
  throw new UsageError('no-server', message);
}
