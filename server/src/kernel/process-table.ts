import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

interface ProcessFacts {
  readonly parent: number;
  readonly commandLine: string;
}

/**
 * Whether a process with this id exists (a zombie counts as gone where that can be told) and, when `identity` is given,
 * holds that text in its command line.
 */
export function processAlive(pid: number, identity = ''): boolean {
  return facts(pid)?.commandLine.includes(identity) === true;
}

/**
 * What became of process `pid`, whose command line held `identity`: `gone` (or the id belongs to something else now),
 * `owned` by a living guard of ours, or an `orphan` without one.
 */
export function findOrphan(pid: number, identity: string): 'gone' | 'owned' | 'orphan' {
  const found = facts(pid);
  if (found?.commandLine.includes(identity) !== true) return 'gone';
  return facts(found.parent)?.commandLine.includes('hookswitch-guard') === true ? 'owned' : 'orphan';
}

/**
 * What tells a process from a later one with the same id: its start, in ticks since boot. Undefined where that cannot be
 * told (other systems than Linux).
 */
export function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22; the first after the command name is field 3.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function facts(pid: number): ProcessFacts | undefined {
  try {
    if (process.platform === 'linux') {
      // Fields after the command name, which is in parentheses and may hold anything: state, parent.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state === 'Z' || parent === undefined) return undefined;
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return { parent: Number(parent), commandLine };
    }
    const line = execFileSync('ps', ['-o', 'ppid=,args=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const match = /^(\d+)\s+(.*)$/s.exec(line);
    return match === null ? undefined : { parent: Number(match[1]), commandLine: match[2] ?? '' };
  } catch {
    return undefined;
  }
}
