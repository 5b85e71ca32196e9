import { expect, it } from 'vitest';
import type { QueueForecast } from '../cluster/scheduler/index.ts';
import { openQueuePlaces } from './open-queue-places.ts';

type Handler = (payload: unknown) => Promise<unknown>;

it('MT-7 where a call stands is known wherever it is asked for; who does not answer, or is gone, is not waited for', async () => {
  const handlers = new Map<string, Handler>();
  const asked: string[] = [];
  const members = ['a', 'b', 'c', 'dead'].map((node) => ({ node, roles: ['call'] }));
  let scheduler = 'a';
  const places: Record<string, QueueForecast> = {
    CA1: { ahead: 0, waiting: 2, scheduled: false, startsAt: 5000 },
    CA2: { ahead: 1, waiting: 2, scheduled: false, startsAt: undefined },
  };
  const open = (node: string) => {
    const rpc = {
      serve: (_method: string, handler: Handler) => {
        handlers.set(node, async (payload) => JSON.parse(JSON.stringify(await handler(payload))) as unknown);
        return () => undefined;
      },
      request: async (to: string, _method: string, payload: unknown) => {
        asked.push(to);
        const handler = handlers.get(to);
        if (handler === undefined) throw new Error('no answer');
        return await handler(payload);
      },
    };
    const forecasts = (callSids: readonly string[]) =>
      scheduler === node ? callSids.map((callSid) => places[callSid] ?? null) : undefined;
    const needs = { bus: { cluster: { members: () => members } }, callNode: { rpc }, forecasts };
    return openQueuePlaces({ node, startup: { scope: { defer: () => undefined } } } as never, needs as never);
  };
  const [here, elsewhere] = [open('a'), open('b')];
  open('c');
  const all = ['CA1', 'CA2', 'CA3'];
  const expected = new Map([
    ['CA1', { position: 1, startsAt: 5000 }],
    ['CA2', { position: 2, startsAt: undefined }],
  ]);
  expect(await here(all)).toEqual(expected);
  expect(asked).toEqual([]);
  expect(await elsewhere(all)).toEqual(expected);
  asked.length = 0;
  expect(await elsewhere(all)).toEqual(expected);
  expect(asked).toEqual(['a']);
  scheduler = 'c';
  expect(await elsewhere(all)).toEqual(expected);
  scheduler = 'dead';
  expect(await elsewhere(all)).toEqual(new Map());
  asked.length = 0;
  expect(await elsewhere([])).toEqual(new Map());
  expect(asked).toEqual([]);
});
