import { Agent, get } from 'node:http';
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';

/**
 * Asks one address on many connections, each again as soon as it was answered: `rest-flood.ts URL AUTHORIZATION CONNECTIONS`. Prints
 * `{}`, then answers lines on stdin: `begin`, `end`, and `answers` with how many answers there were of each status. `quit` ends it.
 */
const [url = '', authorization = '', connections = '1'] = process.argv.slice(2);
// Its clients would be on other machines: what is measured comes first.
setPriority(constants.priority.PRIORITY_LOW);
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) });
const answers: Record<string, number> = {};
let floods = false;

function ask(): Promise<void> {
  return new Promise((resolve) => {
    const count = (what: string): void => {
      answers[what] = (answers[what] ?? 0) + 1;
      resolve();
    };
    const request = get(url, { agent, headers: { authorization } }, (response) => {
      response.resume();
      response.on('end', () => {
        count(String(response.statusCode));
      });
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      count(error.code ?? 'error');
    });
  });
}

async function asker(): Promise<void> {
  while (floods) await ask();
}

let askers: Promise<void>[] = [];
console.log('{}');
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'quit') break;
  if (line === 'begin') {
    floods = true;
    askers = Array.from({ length: Number(connections) }, asker);
  }
  if (line === 'end') {
    floods = false;
    await Promise.all(askers);
  }
  console.log(JSON.stringify(answers));
}
process.exit(0);
