import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { processStart } from '../kernel/index.ts';

/** What a running server tells the other commands: `<data dir>/run.json`, readable by its owner only. */
const runStateSchema = z.object({
  pid: z.number(),
  /** Of that process, see `processStart`: its id may be another's by now. */
  processStart: z.string().optional(),
  startedAt: z.string(),
  node: z.string(),
  /** What the process does. */
  roles: z.array(z.string()).optional(),
  dataDir: z.string(),
  pageUrl: z.string(),
  /** Chain of the server's certificate, PEM: whoever reads this file need not trust any other. Absent without TLS. */
  certificate: z.string().optional(),
  health: z.string(),
  gateway: z.object({ ws: z.string(), socketio: z.string() }),
  /** `port` of UDP and TCP; `tlsPort` where SIP is spoken over TLS too. Absent without the role `call`. */
  sip: z.object({ host: z.string(), port: z.number(), tlsPort: z.number().optional() }).optional(),
  nats: z.object({ url: z.string(), subscriberUrl: z.string() }),
  /** Absent where the configuration is only read. */
  database: z.object({ url: z.string() }).optional(),
  demoApp: z.string().optional(),
  /** Opens what only the operator may see; the file is readable by its owner only. */
  operatorKey: z.string().optional(),
  account: z.string(),
  numbers: z.array(z.string()),
  children: z.object({ nats: z.number().optional(), mediaWorkers: z.array(z.number()) }),
});
export type RunState = z.infer<typeof runStateSchema>;

/** Why a process cannot be asked what only one with the role `call` answers; undefined: it can. */
export function cannotAnswer({ roles, dataDir, node }: RunState): string | undefined {
  if (roles === undefined || roles.includes('call')) return undefined;
  return `the process on ${dataDir} (${node}) has the role ${roles.join(', ')} alone: name the --data-dir of one with the role call`;
}

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

/**
 * Name of the process that ran on this data directory before and could not remove its state: it was killed. Asked before
 * the state is written anew, by the process that has the directory now.
 */
export function readPredecessor(dataDir: string): string | undefined {
  try {
    const parsed = runStateSchema.pick({ node: true }).safeParse(JSON.parse(readFileSync(fileIn(dataDir), 'utf8')));
    return parsed.success && readRunState(dataDir) === undefined ? parsed.data.node : undefined;
  } catch {
    return undefined;
  }
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
