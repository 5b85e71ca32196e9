import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { processStart } from '../kernel/index.ts';

/** What a running server tells the other commands: `<data dir>/run.json`, readable by its owner only. */
export const runStateSchema = z.object({
  pid: z.number(),
  /** Of that process, see `processStart`: its id may be another's by now. */
  processStart: z.string().optional(),
  startedAt: z.string(),
  node: z.string(),
  dataDir: z.string(),
  pageUrl: z.string(),
  health: z.string(),
  gateway: z.object({ ws: z.string(), socketio: z.string() }),
  sip: z.object({ host: z.string(), port: z.number() }),
  nats: z.object({ url: z.string(), subscriberUrl: z.string() }),
  database: z.object({ url: z.string() }),
  demoApp: z.string().optional(),
  account: z.string(),
  numbers: z.array(z.string()),
  children: z.object({ nats: z.number().optional(), mediaWorkers: z.array(z.number()) }),
});
export type RunState = z.infer<typeof runStateSchema>;

const fileIn = (dataDir: string): string => join(dataDir, 'run.json');

/** Replaces the file in one step, so that a reader never sees half of it. */
export function writeRunState(state: RunState): void {
  mkdirSync(state.dataDir, { recursive: true });
  const temporary = `${fileIn(state.dataDir)}.${state.pid}`;
  writeFileSync(temporary, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, fileIn(state.dataDir));
}

/**
 * The state of the server that runs on this data directory; undefined when none does. A file that is damaged, or was left
 * by a process that is gone, counts as none, also when that process's id was given to another one: in a container every
 * start has the same id.
 */
export function readRunState(dataDir: string): RunState | undefined {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(fileIn(dataDir), 'utf8'));
  } catch {
    return undefined;
  }
  const parsed = runStateSchema.safeParse(content);
  return parsed.success && isRunning(parsed.data) ? parsed.data : undefined;
}

export function removeRunState(dataDir: string): void {
  rmSync(fileIn(dataDir), { force: true });
}

function isRunning({ pid, processStart: recorded }: RunState): boolean {
  const start = processStart(pid);
  if (recorded !== undefined && start !== undefined) return recorded === start;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
