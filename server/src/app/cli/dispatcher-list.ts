import { execFile } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { delay, describeError, systemClock } from '../../kernel/index.ts';
import type { CommandIo } from '../io.ts';

/** What the list needs of a node. */
export interface DispatcherNode {
  readonly node: string;
  readonly state: string;
  readonly addresses: Readonly<Record<string, string>>;
}

/** Between two looks at the cluster, milliseconds. */
const FOLLOW_MS = 1000;
const RELOAD_TIMEOUT_MS = 10_000;

/** Kamailio's dispatcher list, set 1: nodes that take calls. https://www.kamailio.org/docs/modules/5.6.x/modules/dispatcher.html */
export function dispatcherList(nodes: readonly DispatcherNode[]): string {
  const lines = nodes
    .flatMap(({ node, state, addresses: { sip } }) =>
      state === 'ready' && sip !== undefined ? [`1 sip:${sip} 0 0 duid=${node}`] : [],
    )
    .toSorted();
  return ['# written by `hookswitch cluster dispatcher`', ...lines, ''].join('\n');
}

export interface DispatcherFile {
  readonly path: string;
  /** Run by the shell after a change. */
  readonly reload: string | undefined;
}

/** Writes the list when it is another one, in one step. @returns whether it was */
export async function writeDispatcherList(text: string, { path, reload }: DispatcherFile): Promise<boolean> {
  if (contentOf(path) === text) return false;
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
  if (reload !== undefined) await shell(reload);
  return true;
}

/** Keeps the list up to date until the signal. While the server cannot be asked the list stays as it is. */
export async function followCluster(
  nodes: () => Promise<readonly DispatcherNode[]>,
  file: DispatcherFile,
  { signal, out, error }: CommandIo,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const list = await nodes();
      const isNew = await writeDispatcherList(dispatcherList(list), file);
      if (isNew) out(`${file.path}: ${list.filter(({ state }) => state === 'ready').length} nodes`);
    } catch (failure) {
      error(`hookswitch: ${describeError(failure)}`);
    }
    await delay(systemClock, FOLLOW_MS, signal).catch(() => undefined);
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function shell(command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('/bin/sh', ['-c', command], { timeout: RELOAD_TIMEOUT_MS }, (error) => {
      if (error === null) resolve();
      else reject(new Error(`${command}: ${error.message}`, { cause: error }));
    });
  });
}
