import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SippResult {
  /** 0: every call went as the scenario says. */
  readonly code: number | null;
  readonly errors: string;
  readonly output: string;
  /** The last messages it sent and received. */
  readonly messages: string;
}

export interface SippRun {
  readonly result: Promise<SippResult>;
  stop(): void;
}

/** Runs sipp with these arguments, time-boxed. Its files go to a directory of its own, which is removed. */
export function runSipp(args: readonly string[], timeoutSeconds = 18): SippRun {
  let child: ReturnType<typeof spawn> | undefined;
  const run = async (): Promise<SippResult> => {
    const directory = await mkdtemp(join(tmpdir(), 'sipp-'));
    const errorFile = join(directory, 'errors.log');
    const messageFile = join(directory, 'messages.log');
    try {
      let output = '';
      const code = await new Promise<number | null>((resolve, reject) => {
        const own = [
          '-nostdin',
          '-trace_err',
          '-error_file',
          errorFile,
          '-timeout',
          `${timeoutSeconds}s`,
          '-timeout_error',
          '-trace_msg',
          '-message_file',
          messageFile,
          // A busy machine is no fault.
          '-watchdog_minor_threshold',
          '60000',
          '-watchdog_major_threshold',
          '60000',
        ];
        child = spawn('sipp', [...args, ...own], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
        child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
        child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
        child.once('error', reject);
        child.once('exit', resolve);
      });
      const errors = await readFile(errorFile, 'utf8').catch(() => '');
      const messages = await readFile(messageFile, 'utf8').catch(() => '');
      return { code, errors, output: output.slice(-3000), messages: messages.slice(-12_000) };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };
  const result = run();
  return {
    result,
    stop: () => {
      child?.kill('SIGKILL');
    },
  };
}
