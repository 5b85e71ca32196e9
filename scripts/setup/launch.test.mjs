import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';

const MODULE = new URL('./launch.mjs', import.meta.url).href;

/** A process that launches a program, prints what came of it, and takes over its exit code. */
function launcher(program) {
  const source = `
    import { launch } from ${JSON.stringify(MODULE)};
    const { code, interrupted } = await launch(process.execPath, ['-e', ${JSON.stringify(program)}]);
    console.log('ended ' + code + ' ' + interrupted);
    process.exitCode = code;`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, next: async () => (await lines.next()).value, ended: once(child, 'exit') };
}

/** A process that has ended but that nobody has waited for is not alive. */
const alive = (pid) => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
};

it("passes the program's exit code on", async () => {
  const { next, ended } = launcher('process.exit(7)');
  expect(await next()).toBe('ended 7 false');
  expect((await ended)[0]).toBe(7);
});

it('delivers a signal once and waits for the program to end by itself', async () => {
  const { child, next } = launcher(`
    let n = 0; process.on('SIGINT', () => { n += 1; setTimeout(() => { console.log('signals ' + n); process.exit(0); }, 200); });
    console.log('ready'); setInterval(() => {}, 1000);`);
  expect(await next()).toBe('ready');
  // A terminal and npm each deliver their own.
  child.kill('SIGINT');
  child.kill('SIGINT');
  expect(await next()).toBe('signals 1');
  expect(await next()).toBe('ended 0 true');
});

it.runIf(process.platform === 'linux')('ends what the program left behind', async () => {
  const { next } = launcher(`
    const { spawn } = require('node:child_process');
    const left = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    console.log(left.pid); process.exit(3);`);
  const left = Number(await next());
  expect(left).toBeGreaterThan(0);
  expect(await next()).toBe('ended 3 false');
  expect(alive(left)).toBe(false);
});

it('kills a program that does not end, at the second signal', async () => {
  const { child, next } = launcher(`
    process.on('SIGINT', () => { console.log('asked'); }); process.on('SIGTERM', () => {});
    console.log('ready'); setInterval(() => {}, 1000);`);
  expect(await next()).toBe('ready');
  child.kill('SIGINT');
  expect(await next()).toBe('asked');
  // Signals that come together count as one: the second has to be a later one.
  const again = setInterval(() => child.kill('SIGINT'), 100);
  expect(await next()).toBe('ended 137 true');
  clearInterval(again);
});
