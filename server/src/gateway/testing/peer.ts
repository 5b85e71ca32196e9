import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { systemClock } from '../../kernel/index.ts';

/** What a program under load says of itself. */
export function memoryFigures(): { readonly rss: number; readonly heapUsed: number; readonly external: number } {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external };
}

/** How late a timer of every 10 ms comes: milliseconds, the longest since it was last asked. */
export function watchLoop(): { longest(): number } {
  const every = 10;
  let longest = 0;
  let due = systemClock.monotonic() + every;
  const tick = (): void => {
    longest = Math.max(longest, systemClock.monotonic() - due);
    due = systemClock.monotonic() + every;
    systemClock.setTimer(every, tick);
  };
  systemClock.setTimer(every, tick);
  return {
    longest: () => {
      const since = Math.round(Math.max(longest, systemClock.monotonic() - due));
      longest = 0;
      return since;
    },
  };
}

type Say = (line: object) => void;

/** Prints `hello` as a line of JSON, then hands over each line of standard input, until `quit` or its end. */
export async function obeyLines(hello: object, obey: (say: Say, line: string) => void): Promise<void> {
  const say: Say = (line) => {
    process.stdout.write(`${JSON.stringify(line)}\n`);
  };
  say(hello);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'quit') return;
    obey(say, line);
  }
}

/** Listens on a free port, says so, and obeys standard input until it ends. */
export async function runPeer(server: Server, emit: (text: string) => void): Promise<void> {
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  await obeyLines({ port: (server.address() as AddressInfo).port }, (say, line) => {
    const command = /^emit (\d+) (.*)$/.exec(line);
    if (command === null) say(memoryFigures());
    for (let left = Number(command?.[1] ?? 0); left > 0; left--) emit(command?.[2] ?? '');
  });
  server.closeAllConnections();
  server.close();
  process.exit(0);
}
