// The one program: `hookswitch COMMAND`. Only this file touches the process: arguments, signals, exit code.
import { join } from 'node:path';
import { REPOSITORY } from './app/config-options.ts';
import { runCaller } from './app/caller/run-caller.ts';
import { runCli } from './app/cli/index.ts';
import { runStart } from './app/start.ts';

const [command = 'help', ...rest] = process.argv.slice(2);
const abort = new AbortController();
const hurry = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!abort.signal.aborted) {
      abort.abort(new Error(signal));
      return;
    }
    // After SIGTERM calls may finish: the second signal ends them. The next one forces: embedded servers notice that
    // their owner is gone.
    if (hurry.signal.aborted || (abort.signal.reason as Error).message !== 'SIGTERM') process.exit(130);
    hurry.abort(new Error(signal));
  });
}
// A node that another process started ends with it: its calls may finish, as after SIGTERM.
if (process.env['HOOKSWITCH_ENDS_WITH_STDIN'] === '1') {
  process.stdin.resume().on('close', () => {
    abort.abort(new Error('SIGTERM'));
  });
}
const io = {
  out: (line: string): void => {
    process.stdout.write(`${line}\n`);
  },
  error: (line: string): void => {
    process.stderr.write(`${line}\n`);
  },
  columns: process.stdout.columns as number | undefined,
  signal: abort.signal,
  hurry: hurry.signal,
  defaultDataDir: process.env['HOOKSWITCH_DATA_DIR'] ?? join(REPOSITORY, '.hookswitch'),
  env: process.env,
};

async function main(): Promise<number> {
  switch (command) {
    case 'start':
      return await runStart(rest, io);
    case 'call':
      return await runCaller(rest, io);
    default:
      return await runCli([command, ...rest], io);
  }
}

process.exitCode = await main();
// Whatever still holds the event loop open (a socket of a library) must not keep the process.
setImmediate(() => {
  process.exit();
});
