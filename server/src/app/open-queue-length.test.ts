import { expect, it } from 'vitest';
import { eventually } from '../bus/testing/eventually.ts';
import { systemClock } from '../kernel/index.ts';
import { openQueueLength } from './open-queue-length.ts';

type Handler = (payload: unknown) => Promise<unknown>;

it('MT-7 how many calls of an account wait is known wherever they are asked for; silence is not waited for', async () => {
  const handlers = new Map<string, Handler>();
  const members = ['a', 'b', 'dead'].map((node) => ({ node, roles: ['call'] }));
  const open = (node: string, lengthOf: (accountSid: string) => number | undefined) => {
    const rpc = {
      node,
      serve: (_method: string, handler: Handler) => {
        handlers.set(node, handler);
        return () => undefined;
      },
      request: (to: string, _method: string, payload: unknown) =>
        handlers.get(to)?.(payload) ?? Promise.reject(new Error('no answer')),
    };
    const needs = { bus: { cluster: { members: () => members } }, callNode: { rpc }, lengthOf };
    return openQueueLength(
      { node, clock: systemClock, startup: { scope: { defer: () => undefined } } } as never,
      needs as never,
    );
  };
  const scheduler = open('a', (accountSid) => (accountSid === 'AC1' ? 7 : 0));
  const other = open('b', () => undefined);
  expect(scheduler('AC1')).toBe(7);
  expect(other('AC1')).toBeUndefined();
  await eventually(() => {
    expect([other('AC1'), other('AC2')]).toEqual([7, 0]);
  });
});
