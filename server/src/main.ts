// The one program: `hookswitch COMMAND`. Only this file touches the process: arguments, signals, exit code.
import { join } from 'node:path';
import { REPOSITORY } from './app/config.ts';
import { runCaller } from './app/caller/run-caller.ts';
import { runCli } from './app/cli/index.ts';
import { runStart } from './app/start.ts';

const [command = 'help', ...rest] = process.argv.slice(2);
const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The second one forces: embedded servers notice that their owner is gone.
    if (abort.signal.aborted) process.exit(130);
    abort.abort(new Error(signal));
  });
}
const io = {
  out: (line: string): void => {
    process.stdout.write(`${line}\n`);
  },
  error: (line: string): void => {
    process.stderr.write(`${line}\n`);
  },
  signal: abort.signal,
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
