import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endWithThisProcess } from '../fixtures/processes.ts';
import { cpuSeconds } from '../fixtures/process-facts.ts';

/** What sipp counted over a whole run. */
export interface SippCounts {
  readonly created: number;
  readonly successful: number;
  readonly failed: number;
  readonly retransmissions: number;
  readonly seconds: number;
  /** Share of one core that sipp used, 0 to 1. Near 1 it is what limits the run, and not who is tested. */
  readonly generatorCpu: number;
}

export interface SippLoadOptions {
  /** HOST:PORT. */
  readonly target: string;
  readonly callsPerSecond: number;
  readonly calls: number;
  /** Built-in scenario name or the path of an XML file (default `uac`). */
  readonly scenario?: string;
  /** Called user (default `service`). */
  readonly user?: string;
  /** CPU that sipp runs on (default: any). */
  readonly core?: number;
  /** Further arguments. */
  readonly args?: readonly string[];
}

/** One run of sipp as caller at a steady rate; its counters come from its statistics file. */
export async function sippLoad(options: SippLoadOptions): Promise<SippCounts> {
  const { target, callsPerSecond, calls, core } = options;
  const folder = await mkdtemp(join(tmpdir(), 'hookswitch-sipp-'));
  const scenario = options.scenario ?? 'uac';
  const args = [
    target,
    ...(scenario.endsWith('.xml') ? ['-sf', scenario] : ['-sn', scenario]),
    ...['-s', options.user ?? 'service', '-i', '127.0.0.1', '-r', String(callsPerSecond), '-m', String(calls)],
    ...['-l', String(Math.max(1000, callsPerSecond * 10)), '-d', '0', '-buff_size', '8388608'],
    ...['-nostdin', '-trace_stat', '-stf', join(folder, 'stat.csv'), '-fd', '1', '-timeout', '120s'],
    ...(options.args ?? []),
  ];
  const command = core === undefined ? ['sipp', ...args] : ['taskset', '-c', String(core), 'sipp', ...args];
  try {
    const generatorCpu = await run(command, folder);
    const files = await readdir(folder);
    if (!files.includes('stat.csv')) throw new Error(`sipp wrote no statistics; is port of ${target} open?`);
    return { ...counts(await readFile(join(folder, 'stat.csv'), 'utf8')), generatorCpu };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Between two looks at how much CPU sipp has used, milliseconds. */
const LOOK_MS = 250;

/** Resolves with the share of a core that the program used until shortly before its end. */
async function run(command: readonly string[], folder: string): Promise<number> {
  const child = spawn(command[0] ?? 'sipp', command.slice(1), { cwd: folder, stdio: 'ignore' });
  endWithThisProcess(child);
  const started = performance.now();
  let share = 0;
  const looking = setInterval(() => {
    void cpuSeconds([child.pid ?? 0]).then((used) => {
      if (used > 0) share = used / ((performance.now() - started) / 1000);
    });
  }, LOOK_MS);
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => {
        resolve();
      });
    });
  } finally {
    clearInterval(looking);
  }
  return Math.min(1, Math.round(share * 100) / 100);
}

function counts(csv: string): Omit<SippCounts, 'generatorCpu'> {
  const lines = csv.trim().split('\n');
  const [names, last] = [(lines[0] ?? '').split(';'), (lines.at(-1) ?? '').split(';')];
  const value = (name: string): string => last[names.indexOf(name)] ?? '0';
  const [hours = 0, minutes = 0, seconds = 0] = value('ElapsedTime(C)').split(':').map(Number);
  return {
    created: Number(value('TotalCallCreated')),
    successful: Number(value('SuccessfulCall(C)')),
    failed: Number(value('FailedCall(C)')),
    retransmissions: Number(value('Retransmissions(C)')),
    seconds: hours * 3600 + minutes * 60 + seconds,
  };
}
