import { afterAll, beforeEach, expect, it } from 'vitest';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import { NatsCallRequests } from './call-requests.nats.ts';
import { readRequests } from './read-requests.nats.ts';
import { accountSidOf, callSidOf } from './testing/example-order.ts';

const server = await startTestNats();
const { bus } = server;
const store = await NatsCallRequests.open(bus);
afterAll(() => server.close());
const stream = 'CALL_REQUESTS';
beforeEach(async () => {
  await bus.jsm.streams.purge(stream);
});
const submit = (n: number) =>
  store.submit({ accountSid: accountSidOf(1), callSid: callSidOf(n), queuedAt: n, order: null });
const forget = async (n: number): Promise<void> => {
  await store.forget((await store.get(accountSidOf(1), callSidOf(n)))!);
};

/** Reads until everything is said to have been read. @param between runs when the end is known, and nothing was read */
async function readAll(between: () => Promise<void> = () => Promise.resolve()): Promise<string[]> {
  const abort = new AbortController();
  const caughtUp = (): void => {
    abort.abort();
  };
  const { clock } = bus;
  const get: typeof bus.js.consumers.get = async (...args) => {
    await between();
    return await bus.js.consumers.get(...args);
  };
  const js = { consumers: { get } };
  const read: string[] = [];
  for await (const { callSid } of readRequests(
    { bus: { ask: (question) => bus.ask(question), js, clock }, stream },
    abort.signal,
    caughtUp,
  )) {
    read.push(callSid);
  }
  return read;
}
const calls = (...numbers: number[]): string[] => numbers.map(callSidOf);

it('MT-9 a stream is read to what was its end, also when nothing is left in it', async () => {
  expect(await readAll()).toEqual([]);
  for (let n = 1; n <= 3; n++) await submit(n);
  expect(await readAll()).toEqual(calls(1, 2, 3));
  await forget(3);
  expect(await readAll()).toEqual(calls(1, 2));
  await forget(1);
  await forget(2);
  expect(await readAll()).toEqual([]);
});

it('MT-9 the end is known when what was the last there is deleted meanwhile, with nothing after it', async () => {
  for (let n = 1; n <= 3; n++) await submit(n);
  expect(await readAll(() => forget(3))).toEqual(calls(1, 2));
});

it('MT-9 the end is known when all is deleted meanwhile, and when what was the last there is changed', async () => {
  await submit(1);
  expect(await readAll(() => forget(1))).toEqual([]);
  for (let n = 1; n <= 3; n++) await submit(n);
  const changed = async (): Promise<void> => {
    await store.cancel(accountSidOf(1), callSidOf(3));
  };
  expect(await readAll(changed)).toEqual(calls(1, 2, 3));
});
