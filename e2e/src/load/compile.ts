import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../fixtures/processes.ts';

export interface Compiled {
  readonly program: string;
  /** A word for the notes of a benchmark when it is not the C program that was asked for. */
  readonly note?: string;
  readonly remove: () => Promise<void>;
}

/** Compiles a C file of this folder with the system's `cc`. @throws Error with what the compiler said, or that there is none */
export async function compile(name: string): Promise<Compiled> {
  const { program, remove } = await place(name);
  try {
    await run('cc', ['-O2', '-Wall', '-o', program, join(import.meta.dirname, `${name}.c`)]);
  } catch (error) {
    await remove();
    throw error;
  }
  return { program, remove };
}

/** Undefined where there is no C compiler. @throws Error with what the compiler said */
export async function compileIfPossible(name: string): Promise<Compiled | undefined> {
  const there = await run('cc', ['--version']).then(
    () => true,
    () => false,
  );
  return there ? compile(name) : undefined;
}

/** The load client of the hub benchmarks: hub-load.c or, where there is no C compiler, the same in Node. */
export async function hubLoadProgram(): Promise<Compiled> {
  const compiled = await compileIfPossible('hub-load');
  if (compiled !== undefined) return compiled;
  const { program, remove } = await place('hub-load');
  const source = join(import.meta.dirname, 'hub-load-node.ts');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${source}' "$@"\n`);
  await chmod(program, 0o755);
  const note =
    'there is no C compiler (cc): the load client is a Node program, which reads less and takes CPU from the servers';
  return { program, note, remove };
}

async function place(name: string): Promise<Compiled> {
  const folder = await mkdtemp(join(tmpdir(), 'hookswitch-load-'));
  return { program: join(folder, name), remove: () => rm(folder, { recursive: true, force: true }) };
}
