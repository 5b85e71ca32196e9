import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeviceState } from '@hookswitch/shared';
import { RestWorld } from './testing/rest-world.ts';

describe('BR-7 /v1/accounts/{AC}/clients', () => {
  let world: RestWorld;
  const register = (identity: string, id: string, state?: DeviceState, accountSid = world.account.sid): Promise<void> =>
    world.registrations.put({
      accountSid,
      identity,
      registration: id,
      node: 'n1',
      connection: `c-${id}`,
      device: id === 'r1' ? 'desk' : undefined,
      since: Date.UTC(2030, 0, 1),
      state,
    });
  const list = async (query = ''): Promise<Record<string, unknown>> => {
    const answer = await world.request('GET', `/v1/accounts/${world.account.sid}/clients${query}`);
    expect(answer.statusCode, answer.body).toBe(200);
    return answer.json();
  };
  const identities = async (query: string): Promise<unknown[]> =>
    ((await list(query))['clients'] as { identity: string }[]).map(({ identity }) => identity);

  beforeAll(async () => {
    world = await RestWorld.open();
    const stranger = await world.newAccount('Stranger');
    await register('support/alice', 'r1', 'away');
    await register('support/alice', 'r2', 'busy');
    await register('support/bob', 'r3');
    await register('sales/carol', 'r4', 'away');
    await register('support/mallory', 'r5', undefined, stranger.sid);
  });
  afterAll(() => world.app.close());

  it('identities with their devices; the most reachable device decides', async () => {
    const since = '2030-01-01T00:00:00.000Z';
    expect(await list('?prefix=support/')).toEqual({
      clients: [
        {
          identity: 'support/alice',
          state: 'busy',
          devices: [
            { registration: 'r1', device: 'desk', state: 'away', since },
            { registration: 'r2', device: null, state: 'busy', since },
          ],
        },
        {
          identity: 'support/bob',
          state: 'available',
          devices: [{ registration: 'r3', device: null, state: 'available', since }],
        },
      ],
      total: 2,
      next: null,
    });
  });

  it('by state, and in pages', async () => {
    expect(await identities('')).toEqual(['sales/carol', 'support/alice', 'support/bob']);
    expect(await identities('?state=away')).toEqual(['sales/carol']);
    expect(await identities('?prefix=nobody')).toEqual([]);
    const first = await list('?PageSize=2');
    expect(first).toMatchObject({ total: 3, next: 'support/alice' });
    expect(await identities('?PageSize=2&After=support%2Falice')).toEqual(['support/bob']);
  });
});
