/**
 * nats-server and a process that accepts calls, as a program for benchmarks. Prints one line of JSON with the address of the
 * server; then for each line `submit COUNT CLIENTS ACCOUNTS` stores so many requests, so many under way at a time, spread over
 * so many accounts, and prints how fast each was stored. Requests are stored when the server has acknowledged them.
 */
import { createInterface } from 'node:readline';
import { startTestNats } from '../../../bus/testing/test-nats.ts';
import { systemClock } from '../../../kernel/index.ts';
import { NatsCallRequests } from '../call-requests.nats.ts';
import { EXAMPLE_ORDER, accountSidOf, callSidOf } from './example-order.ts';

const nats = await startTestNats();
const store = await NatsCallRequests.open(nats.bus);
let made = 0;

/** @returns requests a second, and the 99th percentile of the time that one took, milliseconds */
async function submit(count: number, clients: number, accounts: number): Promise<object> {
  const times = new Float64Array(count);
  const from = made;
  let next = 0;
  const began = systemClock.monotonic();
  const client = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) {
      const at = systemClock.monotonic();
      const call = { accountSid: accountSidOf(n % accounts), callSid: callSidOf(from + n) };
      await store.submit({ ...call, queuedAt: systemClock.now(), order: EXAMPLE_ORDER });
      times[n] = systemClock.monotonic() - at;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  made += count;
  const perSecond = (count * 1000) / (systemClock.monotonic() - began);
  const { state } = await nats.bus.jsm.streams.info('CALL_REQUESTS');
  times.sort();
  return { perSecond, p99Ms: times[Math.ceil(count * 0.99) - 1] ?? null, stored: state.messages, bytes: state.bytes };
}

const say = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
say({ url: nats.nats.url });
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'quit') break;
  const [, count, clients, accounts] = line.split(' ').map(Number);
  say(await submit(count ?? 0, clients ?? 1, accounts ?? 1));
}
await nats.close();
