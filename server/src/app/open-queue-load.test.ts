import { expect, it } from 'vitest';
import { eventually } from '../bus/testing/eventually.ts';
import { openQueueLoad } from './open-queue-load.ts';

type Needs = Parameters<typeof openQueueLoad>[1];
type Facts = ReturnType<Needs['facts']>;
type Handler = (payload: unknown) => Promise<unknown>;

it('MT-2 who decides about nodes is told of what waits, wherever calls are scheduled', async () => {
  const handlers = new Map<string, Handler>();
  const members = ['a', 'b', 'dead'].map((node) => ({ node, roles: ['call'] }));
  const open = (node: string, facts: () => Facts) => {
    const rpc = {
      node,
      serve: (_method: string, handler: Handler) => {
        handlers.set(node, handler);
        return () => undefined;
      },
      request: (to: string) => handlers.get(to)?.({}) ?? Promise.reject(new Error('no answer')),
    };
    const needs = { bus: { cluster: { members: () => members } }, callNode: { rpc }, facts };
    const platform = { node, startup: { scope: { defer: () => undefined } }, log: { warn: () => undefined } };
    return openQueueLoad(platform as never, needs as never);
  };
  let facts = { waiting: 90, ready: 7, starts: [{ at: 60_000, calls: 3 }] } as unknown as Facts;
  const scheduler = open('a', () => facts);
  const other = open('b', () => undefined);
  const wanted = { waiting: 7, scheduled: [{ at: 60_000, calls: 3 }] };
  expect(scheduler()).toEqual(wanted);
  expect(other()).toEqual({ waiting: 0, scheduled: [] });
  await eventually(() => {
    expect(other()).toEqual(wanted);
  });
  facts = undefined;
  await eventually(() => {
    expect(other()).toEqual({ waiting: 0, scheduled: [] });
  });
});
