import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { delay } from '../kernel/index.ts';
import type { Clock, Log } from '../kernel/index.ts';

export interface DemoAppOptions {
  readonly repository: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Where it is to listen, on loopback. */
  readonly port: number;
  /** Handed over in the environment: the demo signs tokens and checks our signatures with them. */
  readonly credentials: {
    readonly accountSid: string;
    readonly authToken: string;
    readonly apiKeySid: string;
    readonly apiKeySecret: string;
    readonly applicationSid: string;
  };
}

/** The demo application server as a child process. It has no rights that another application server would not have. */
export interface DemoApp {
  readonly url: string;
  /** Ends it: SIGTERM, SIGKILL after 2 s. Idempotent. */
  close(): Promise<void>;
}

/** @throws Error when it did not print its address within 15 s */
export async function startDemoApp({ repository, clock, log, port, credentials }: DemoAppOptions): Promise<DemoApp> {
  const child = spawn(process.execPath, [join(repository, 'examples/demo-app/src/main.ts')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      PORT: String(port),
      HOOKSWITCH_ACCOUNT: credentials.accountSid,
      HOOKSWITCH_AUTH_TOKEN: credentials.authToken,
      HOOKSWITCH_API_KEY: credentials.apiKeySid,
      HOOKSWITCH_API_SECRET: credentials.apiKeySecret,
      HOOKSWITCH_APPLICATION: credentials.applicationSid,
      HOOKSWITCH_PARENT_PID: String(process.pid),
    },
  });
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      resolve(signal ?? `code ${code ?? 'unknown'}`);
    });
    child.once('error', (error) => {
      resolve(error.message);
    });
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.warn({ line }, 'demo application');
  });
  const listening = Promise.withResolvers<string>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const found = /^listening (\S+)/.exec(line);
    if (found?.[1] === undefined) log.debug({ line }, 'demo application');
    else listening.resolve(found[1]);
  });
  const abort = new AbortController();
  const url = await Promise.race([
    listening.promise,
    exited.then((how) => {
      throw new Error(`the demo application ended at its start (${how}); its output is in the log`);
    }),
    delay(clock, 15_000, abort.signal).then(() => {
      child.kill('SIGKILL');
      throw new Error('the demo application did not say within 15 s where it listens');
    }),
  ]).finally(() => {
    abort.abort(new Error('started'));
  });
  let closing = false;
  void exited.then((how) => {
    if (!closing) log.error({ how }, 'the demo application ended: calls to its numbers fail; restart the server');
  });
  return {
    url: url.replace(/\/$/, ''),
    close: async () => {
      closing = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timer = clock.setTimer(2000, () => {
        child.kill('SIGKILL');
      });
      await exited;
      timer.cancel();
    },
  };
}
