import { resolve } from 'node:path';
import { connectionListSchema } from '@hookswitch/shared';
import type { ServerFrame } from '@hookswitch/shared';
import { z } from 'zod';
import { issueToken } from '../../hub/index.ts';
import { describeError, systemClock, systemRandom } from '../../kernel/index.ts';
import type { CommandIo } from '../io.ts';
import { readRunState } from '../run-state.ts';
import type { RunState } from '../run-state.ts';
import { parseCommand, usageOf } from './command-line.ts';
import type { CommandLine, CommandSpec } from './command-line.ts';
import { HubClient } from './hub-client.ws.ts';
import { operatorGet } from './operator-http.ts';
import { table } from './output.ts';
import { accountOf, accountOption } from './owner-options.ts';
import { openSession } from './session.ts';
import { UsageError } from './usage-error.ts';

/** For the overview of all commands. */
export const HUB_HELP =
  'tail TOPIC: prints events as they come; connections: who is connected; publish TOPIC: an event';

interface Context {
  readonly io: CommandIo;
  readonly line: CommandLine;
  readonly state: RunState;
}

interface HubCommandSpec extends CommandSpec {
  run(context: Context): Promise<void>;
}

const tail: HubCommandSpec = {
  help: 'prints the events of a topic or pattern (calls.>, app.orders.*) as they come, until Ctrl-C',
  argument: 'TOPIC',
  options: {
    last: { value: 'N', help: 'the newest N events first, up to 1000' },
    count: { value: 'N', help: 'ends after so many events' },
    account: accountOption,
  },
  run: async (context) => {
    const { io, line } = context;
    const topic = line.argument;
    const last = line.number('last', { from: 1, to: 1000 });
    const most = line.number('count', { from: 1, to: 1e9 }) ?? Infinity;
    const done = Promise.withResolvers<string | undefined>();
    let seen = 0;
    const client = await openClient(context, { subscribe: [topic] }, (frame) => {
      if (frame.type === 'gap' && !frame.recovered) io.error('hookswitch: events were lost here');
      if (frame.type !== 'event' || seen >= most) return;
      seen += 1;
      io.out(line.json ? JSON.stringify(frame) : eventLine(frame));
      if (seen >= most) done.resolve(undefined);
    });
    io.signal.addEventListener('abort', () => {
      done.resolve(undefined);
    });
    if (io.signal.aborted) done.resolve(undefined);
    void client.closed.then(done.resolve);
    try {
      await client.ask({ type: 'subscribe', topic, ...(last === undefined ? {} : { rewind: { count: last } }) });
      const why = await done.promise;
      if (why !== undefined) throw new UsageError('no-server', why);
    } finally {
      client.close();
    }
  },
};

const publish: HubCommandSpec = {
  help: 'publishes one event on a topic below app. and prints where it is stored',
  argument: 'TOPIC',
  options: {
    data: { value: 'JSON', help: 'what the event says, such as {"state":"open"} (default null)' },
    type: { value: 'NAME', help: 'its CloudEvents type (default app.message)' },
    account: accountOption,
  },
  run: async (context) => {
    const { io, line } = context;
    const topic = line.argument;
    if (!topic.startsWith('app.')) throw new UsageError('usage', `hub publish: ${topic} is not below app.`);
    const [data, event] = [jsonOf(line.get('data')), line.get('type')];
    const client = await openClient(context, { publish: [topic] }, () => undefined);
    try {
      const stored = await client.ask({ type: 'publish', topic, data, ...(event === undefined ? {} : { event }) });
      if (stored.type !== 'published') throw new UsageError('no-server', `unexpected answer ${stored.type}`);
      const { eventId, position } = stored;
      if (line.json) io.out(JSON.stringify({ eventId, position }));
      else io.out(`${topic}  ${eventId}  stored at ${position.seq}`);
    } finally {
      client.close();
    }
  },
};

const connections: HubCommandSpec = {
  help: 'the clients that are connected to the running server, of all accounts',
  options: { account: { value: 'AC...', help: 'only those of this account' } },
  run: async ({ io, line, state }) => {
    const body = await operatorGet(state, '/v1/hub/connections');
    const list = connectionListSchema.parse(JSON.parse(body.toString('utf8'))).connections;
    const account = line.get('account');
    const shown = list.filter((one) => account === undefined || one.account === account);
    if (line.json) io.out(JSON.stringify(shown, null, 2));
    else for (const row of table(shown)) io.out(row);
  },
};

const COMMANDS: Readonly<Record<string, HubCommandSpec>> = { tail, connections, publish };

/** `hookswitch hub tail|connections|publish`. @returns the exit code; never rejects */
export async function runHub(argv: readonly string[], io: CommandIo): Promise<number> {
  const [name = '', ...rest] = argv;
  const spec = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const full = `hub ${name}`;
  if (spec === undefined) {
    const help = ['--help', '-h', 'help'].includes(name);
    const lines = Object.entries(COMMANDS).flatMap(([verb, each]) => usageOf(`hub ${verb}`, each));
    for (const text of help ? lines : [`hookswitch: hub: one of ${Object.keys(COMMANDS).join(', ')}`]) {
      if (help) io.out(text);
      else io.error(text);
    }
    return help ? 0 : 2;
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    for (const text of usageOf(full, spec)) io.out(text);
    return 0;
  }
  try {
    const line = parseCommand(full, spec, rest);
    await spec.run({ io, line, state: serverOf(io, line) });
    return 0;
  } catch (error) {
    io.error(`hookswitch: ${describeError(error)}`);
    if (!(error instanceof UsageError) || error.reason !== 'usage') return 1;
    io.error(usageOf(full, spec)[0] ?? '');
    return 2;
  }
}

function serverOf(io: CommandIo, { dataDir = io.defaultDataDir }: CommandLine): RunState {
  const state = readRunState(resolve(dataDir));
  if (state !== undefined) return state;
  const message = `no server runs on ${resolve(dataDir)}: start it with \`npm start\`, or name another --data-dir`;
  throw new UsageError('no-server', message);
}

/** As a client with a token that allows just what the command does. */
async function openClient(
  { io, line, state }: Context,
  hub: { readonly subscribe?: readonly string[]; readonly publish?: readonly string[] },
  onFrame: (frame: ServerFrame) => void,
): Promise<HubClient> {
  const session = await openSession(io, state.dataDir);
  let token: string;
  try {
    const accountSid = await accountOf(session.store, line);
    const { key } = await session.store.credentials(accountSid);
    if (key === undefined) {
      const hint = 'make one with `hookswitch keys create --name NAME`';
      throw new UsageError('usage', `account ${accountSid} has no key to sign with: ${hint}`);
    }
    const { sid: keySid, secret } = key;
    const { subscribe = [], publish: allowed = [] } = hub;
    const grants = { subscribe: [...subscribe], publish: [...allowed] };
    const request = { accountSid, keySid, secret, identity: 'operator', ttlSeconds: 86_400, hub: grants };
    token = tokenFor(request, line.argument);
  } finally {
    await session.close();
  }
  return await HubClient.open(state, token, onFrame);
}

function tokenFor(request: Parameters<typeof issueToken>[0], topic: string): string {
  try {
    return issueToken(request, systemClock, systemRandom);
  } catch (error) {
    throw new UsageError('usage', `hub: ${topic} is not a topic`, { cause: error });
  }
}

function jsonOf(text: string | undefined): unknown {
  if (text === undefined) return null;
  try {
    return z.unknown().parse(JSON.parse(text));
  } catch (error) {
    throw new UsageError('usage', `hub publish: --data ${text}: not JSON (a text needs its quotes)`, { cause: error });
  }
}

function eventLine({ topic, position, event }: Extract<ServerFrame, { type: 'event' }>): string {
  return [event.time, String(position.seq).padStart(7), event.type, topic, JSON.stringify(event.data ?? null)].join(
    '  ',
  );
}
