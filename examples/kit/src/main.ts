// Runs an example against the server that runs on this machine:
//
//   npm run example -- ivr [--account AC...] [--data-dir DIR]
//
// Asks the command line for the account's credentials, sets the environment variables of the example, and is it from
// there on.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../../..');
const EXAMPLES = join(ROOT, 'examples');
const program = (name: string): string => join(EXAMPLES, name, 'src/main.ts');

/** Examples that are application servers with express. */
const names = readdirSync(EXAMPLES).filter(
  (name) => name !== 'kit' && existsSync(program(name)) && readFileSync(program(name), 'utf8').includes('example-kit'),
);
const { values, positionals } = parseArgs({
  options: {
    'data-dir': { type: 'string', default: process.env['HOOKSWITCH_DATA_DIR'] ?? join(ROOT, '.hookswitch') },
    // Needed where there are several.
    account: { type: 'string' },
  },
  allowPositionals: true,
});
const [name = ''] = positionals;
if (!names.includes(name)) {
  console.error(`usage: npm run example -- ${names.join('|')} [--account AC...] [--data-dir DIR]`);
  process.exit(2);
}

const dataDir = resolve(values['data-dir']);
const account = values.account === undefined ? [] : ['--account', values.account];
const server = join(ROOT, 'server/src/main.ts');
const command = [server, 'accounts', 'credentials', '--json', '--data-dir', dataDir, ...account];
try {
  const credentials = execFileSync(process.execPath, command, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { pageUrl } = JSON.parse(readFileSync(join(dataDir, 'run.json'), 'utf8')) as { pageUrl: string };
  Object.assign(process.env, { HOOKSWITCH_URL: new URL(pageUrl).origin }, JSON.parse(credentials));
} catch {
  console.error(
    `The example found no credentials on ${dataDir}: start a server with "npm start", and name the account if there are several.`,
  );
  process.exit(1);
}
await import(pathToFileURL(program(name)).href);
