// The door to every command of the project: sets up what the command needs and runs it. Needs Node 20 and npm, nothing
// else; package.json's scripts call it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, SetupFailure } from './setup/failure.mjs';
import { ROOT, nodeFlags } from './setup/layout.mjs';
import { launch } from './setup/launch.mjs';
import { createReporter } from './setup/progress.mjs';
import { killChildren } from './setup/run.mjs';
import { commandEnvironment, lightlyReady, setUp } from './setup/steps.mjs';
import { runTests } from './setup/test-run.mjs';

const USAGE = `usage: node scripts/bootstrap.mjs COMMAND [arguments]

  setup        set up everything, tests included
  start        set up what running needs, then run the server
  test         set up everything, then every check and test
  call         a simulated caller against the running server
  events       the example backend service: prints the events of calls as they happen
  example      an example application, by its name: ivr, call-queue, voicemail, conference, voice-agent, click-to-call
  bench        one benchmark
  soak         a long run: tens of thousands of calls, then what is left of them
  chaos        gateways and NATS killed, networks disturbed: the promises of the hub, by seeds
  conformance  protocol conformance of a running hub
  simulate     the scheduler and the forecast on a virtual clock, by a trace (docs/simulator.md)
  generate     write the generated files (--check: only compare them)
  screenshots  take the pictures of docs/images anew (needs what npm test needs)
  hookswitch   the command line: accounts, keys, numbers, applications, trunks
`;

/** The program of each command that runs beside a server; the first arguments come before the user's. */
const PROGRAMS = {
  call: ['server/src/main.ts', 'call'],
  bench: ['e2e/src/bench/main.ts'],
  soak: ['e2e/src/soak/main.ts'],
  chaos: ['e2e/src/chaos/main.ts'],
  conformance: ['e2e/src/conformance/main.ts'],
  hookswitch: ['server/src/main.ts'],
  generate: ['scripts/generate.ts'],
  simulate: ['scripts/simulate.ts'],
  screenshots: ['scripts/screenshots.ts'],
  events: ['examples/nats-subscriber/src/main.ts'],
  example: ['examples/kit/src/main.ts'],
};

/** Where the user typed the command: paths among the arguments are meant from there. npm goes to the root before. */
function userFolder() {
  const { INIT_CWD, npm_lifecycle_event } = process.env;
  const throughNpm = npm_lifecycle_event !== undefined && process.cwd() === ROOT;
  return throughNpm && INIT_CWD !== undefined && existsSync(INIT_CWD) ? INIT_CWD : process.cwd();
}

/**
 * @param {string[]} program path below the root, then arguments
 * @param {string[]} args
 * @param {string[]} [flags] of Node
 */
async function runProgram([file = '', ...first], args, flags = []) {
  if (!existsSync(join(ROOT, file))) throw new SetupFailure(`${file} is not in this version: there is nothing to run.`);
  const { node, env } = commandEnvironment();
  const { code } = await launch(node, [...flags, join(ROOT, file), ...first, ...args], { env, cwd: userFolder() });
  return code;
}

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
async function main(command, args) {
  const beside = command in PROGRAMS;
  // Programs read the stdout of the commands that run beside a server: what set-up has to say goes to stderr there.
  const reporter = createReporter({ stream: beside ? process.stderr : process.stdout });
  const abort = (/** @type {number} */ code) => () => {
    killChildren();
    process.exit(code);
  };
  const onSetupSignal = { SIGINT: abort(130), SIGTERM: abort(143), SIGHUP: abort(129) };
  const during = async (/** @type {() => Promise<unknown>} */ work) => {
    for (const [signal, handler] of Object.entries(onSetupSignal)) process.on(signal, handler);
    await work();
    for (const [signal, handler] of Object.entries(onSetupSignal)) process.removeListener(signal, handler);
  };
  if (command === 'setup') {
    await during(async () => {
      const worked = await setUp(['run', 'test'], reporter);
      reporter.note(worked ? 'everything is set up' : 'everything was set up already');
    });
    return 0;
  }
  if (command === 'start') {
    await during(() => setUp(['run'], reporter));
    return runProgram(['server/src/main.ts', 'start'], args, nodeFlags());
  }
  if (command === 'test') {
    await during(() => setUp(['run', 'test'], reporter));
    return runTests(args);
  }
  const program = PROGRAMS[command];
  // Benchmarks and long runs need what the tests need, and load generators and peers besides.
  if (command === 'bench' || command === 'soak') await during(() => setUp(['run', 'test', 'bench'], reporter));
  if (program !== undefined) {
    if (!lightlyReady()) await during(() => setUp(['run'], reporter));
    return runProgram(program, args);
  }
  process.stderr.write(USAGE);
  return command === 'help' || command === '--help' ? 0 : EXIT.usage;
}

const [command = '', ...args] = process.argv.slice(2);
try {
  process.exitCode = await main(command, args);
} catch (error) {
  if (!(error instanceof SetupFailure)) throw error;
  process.stderr.write(`\n${error.message}\n`);
  process.exitCode = error.exitCode;
}
