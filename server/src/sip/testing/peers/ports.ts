import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delay, systemClock, systemRandom } from '../../../kernel/index.ts';

/** Below the ports that the system gives out by itself: nobody takes one between its being found and its being used. */
const [FIRST, COUNT] = [18_000, 12_000];

/** A port that is free for UDP and TCP at this address, for a program that has to be told one. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = FIRST + systemRandom.int(COUNT);
    if ((await freeForUdp(port, address)) && (await freeForTcp(port, address))) return port;
  }
  throw new Error(`no free port at ${address}`);
}

function freeForUdp(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind(port, address, () => {
      socket.close(() => {
        resolve(true);
      });
    });
  });
}

function freeForTcp(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, address, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/** Waits until somebody is bound to the port, by the kernel's tables: probing it would disturb who is. */
export async function bound(port: number, protocol: 'udp' | 'tcp', limitMs = 10_000): Promise<void> {
  const entry = new RegExp(
    `^ *\\d+: [0-9A-F]+:${port.toString(16).toUpperCase().padStart(4, '0')} .* ${STATE[protocol]} `,
    'm',
  );
  const start = systemClock.monotonic();
  while (systemClock.monotonic() - start < limitMs) {
    for (const table of [protocol, `${protocol}6`])
      if (entry.test(await readFile(`/proc/net/${table}`, 'utf8'))) return;
    await delay(systemClock, 10);
  }
  throw new Error(`nobody is bound to ${protocol} port ${String(port)}`);
}

/** Unconnected, listening. */
const STATE = { udp: '07', tcp: '0A' } as const;
