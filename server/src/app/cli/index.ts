import { resolve } from 'node:path';
import { describeError } from '../../kernel/index.ts';
import { DatabaseError, TenantError } from '../../tenants/index.ts';
import type { CommandIo } from '../io.ts';
import { CLUSTER_HELP, runCluster } from './cluster-command.ts';
import { parseCommand, usageOf } from './command-line.ts';
import type { CommandLine } from './command-line.ts';
import { COMMANDS } from './commands.ts';
import type { Answer, Command } from './command.ts';
import { HUB_HELP, runHub } from './hub-command.ts';
import { details, table } from './output.ts';
import { openSession } from './session.ts';
import { TRACE_HELP, runTrace } from './trace-command.ts';
import { UsageError } from './usage-error.ts';

/** Exit codes: 0 done, 1 failed, 2 wrongly used. */
const EXIT = { done: 0, failed: 1, usage: 2 } as const;

function overview(): string[] {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  return [
    'usage: hookswitch COMMAND [options]',
    '',
    ...Object.entries(COMMANDS).map(([name, { help }]) => `  ${name.padEnd(width)}  ${help}`),
    `  ${'cluster'.padEnd(width)}  ${CLUSTER_HELP}`,
    `  ${'hub'.padEnd(width)}  ${HUB_HELP}`,
    `  ${'trace'.padEnd(width)}  ${TRACE_HELP}`,
    '',
    'Every command takes --json, and --data-dir DIR to name the running server. `hookswitch COMMAND --help` shows its options.',
  ];
}

/** The longest run of first words that is a command. */
function findCommand(argv: readonly string[]): { name: string; command: Command; rest: readonly string[] } | undefined {
  for (const words of [2, 1]) {
    const [noun = '', ...verb] = argv.slice(0, words);
    // `trunk add` is understood as well as `trunks add`.
    const name = [[noun, ...verb].join(' '), [`${noun}s`, ...verb].join(' ')].find((text) => text in COMMANDS) ?? '';
    const command = COMMANDS[name];
    if (command !== undefined) return { name, command, rest: argv.slice(words) };
  }
  return undefined;
}

/**
 * `hookswitch accounts|keys|applications|numbers|trunks|token|cluster|hub|trace ...` against the running server.
 * @returns the exit code; never rejects
 */
export async function runCli(argv: readonly string[], io: CommandIo): Promise<number> {
  if (argv[0] === 'cluster') return await runCluster(argv.slice(1), io);
  if (argv[0] === 'hub') return await runHub(argv.slice(1), io);
  if (argv[0] === 'trace') return await runTrace(argv.slice(1), io);
  const found = findCommand(argv);
  if (found === undefined) {
    const [first = 'help'] = argv;
    if (['help', '--help', '-h'].includes(first)) {
      for (const line of overview()) io.out(line);
      return EXIT.done;
    }
    const near = Object.keys(COMMANDS).filter((name) => name.startsWith(`${first} `));
    const hint = near.length > 0 ? `one of: ${near.join(', ')}` : 'see `hookswitch help`';
    io.error(`hookswitch: '${argv.slice(0, 2).join(' ')}' is not a command (${hint})`);
    return EXIT.usage;
  }
  const { name, command, rest } = found;
  if (rest.includes('--help') || rest.includes('-h')) {
    for (const line of usageOf(name, command)) io.out(line);
    return EXIT.done;
  }
  try {
    const line = parseCommand(name, command, rest);
    print(await execute(command, line, io), line, io);
    return EXIT.done;
  } catch (error) {
    io.error(
      `hookswitch: ${error instanceof UsageError || error instanceof TenantError || error instanceof DatabaseError ? error.message : describeError(error)}`,
    );
    if (!(error instanceof UsageError) || error.reason !== 'usage') return EXIT.failed;
    io.error(usageOf(name, command)[0] ?? '');
    return EXIT.usage;
  }
}

async function execute(command: Command, line: CommandLine, io: CommandIo): Promise<Answer> {
  const session = await openSession(io, resolve(line.dataDir ?? io.defaultDataDir));
  try {
    return await command.run(session.store, line, session.server);
  } finally {
    await session.close();
  }
}

function print(answer: Answer, line: CommandLine, io: CommandIo): void {
  if (line.json) {
    io.out(JSON.stringify(typeof answer === 'string' ? { result: answer } : answer, null, 2));
    return;
  }
  const lines = typeof answer === 'string' ? [answer] : isList(answer) ? table(answer) : details(answer);
  for (const text of lines) io.out(text);
}

function isList(answer: Exclude<Answer, string>): answer is Extract<Answer, readonly unknown[]> {
  return Array.isArray(answer);
}
