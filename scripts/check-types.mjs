// Type-checks every workspace package; prints all errors and fails if there was one.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

const packages = [
  'scripts',
  'shared',
  'server',
  'client',
  'e2e',
  ...readdirSync('examples').map((name) => `examples/${name}`),
].filter((dir) => existsSync(`${dir}/tsconfig.json`));
let failed = false;
const run = (dir) =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, ['node_modules/typescript/bin/tsc', '-p', dir, '--pretty', 'false'], {
      stdio: 'inherit',
    });
    child.on('exit', (code) => {
      if (code !== 0) failed = true;
      resolve();
    });
  });
const queue = [...packages];
const worker = async () => {
  for (let dir = queue.shift(); dir !== undefined; dir = queue.shift()) await run(dir);
};
await Promise.all([worker(), worker()]);
if (failed) process.exit(1);
console.log(`types: ${String(packages.length)} packages checked`);
