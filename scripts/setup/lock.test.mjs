import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { acquireLock, holderLives, processBirth } from './lock.mjs';

const MODULE = new URL('./lock.mjs', import.meta.url).href;
let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
  file = join(folder, 'setup.lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A process that runs some code with the lock module at hand. */
function other(code) {
  const source = `import { acquireLock } from ${JSON.stringify(MODULE)}; const file = ${JSON.stringify(file)}; ${code}`;
  return spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['pipe', 'pipe', 'inherit'] });
}

it('is held by one process at a time, and the next one takes it when it is released', async () => {
  const release = await acquireLock(file);
  expect(holderLives(readFileSync(file, 'utf8'))).toBe(true);
  const child = other(`
    const release = await acquireLock(file, { pollMs: 5, onWait: (pid) => console.log('waits for ' + pid) });
    console.log('has it'); release();`);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe(`waits for ${process.pid}`);
  release();
  expect((await lines.next()).value).toBe('has it');
  await once(child, 'exit');
  expect(existsSync(file)).toBe(false);
});

it('is taken over from a process that was killed', async () => {
  const child = other(`await acquireLock(file); console.log('has it'); setInterval(() => {}, 1000);`);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(holderLives(readFileSync(file, 'utf8'))).toBe(false);
  const release = await acquireLock(file, { pollMs: 5 });
  expect(readFileSync(file, 'utf8').split(' ')[0]).toBe(String(process.pid));
  release();
  expect(readdirSync(folder)).toEqual([]);
});

it('is given back by a process that ends without releasing it', async () => {
  const child = other('await acquireLock(file); process.exit(0);');
  await once(child, 'exit');
  expect(existsSync(file)).toBe(false);
});

it('is not believed of a later process with the same pid, nor of nonsense', () => {
  expect(holderLives(`${process.pid} ${processBirth(process.pid)}`)).toBe(true);
  if (processBirth(process.pid) !== '') expect(holderLives(`${process.pid} 1`)).toBe(false);
  expect(holderLives('')).toBe(false);
  expect(holderLives('-1 0')).toBe(false);
});

it('goes to one of many that find it left behind', async () => {
  writeFileSync(file, '999999999 1');
  const code = `
    const { writeFileSync, rmSync } = await import('node:fs');
    const release = await acquireLock(file, { pollMs: 2 });
    writeFileSync(file + '.inside', '', { flag: 'wx' }); // fails when another process is inside
    await new Promise((resolve) => setImmediate(resolve));
    rmSync(file + '.inside'); release();`;
  const children = Array.from({ length: 4 }, () => other(code));
  const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]));
  expect(codes).toEqual([0, 0, 0, 0]);
  expect(readdirSync(folder)).toEqual([]);
});
