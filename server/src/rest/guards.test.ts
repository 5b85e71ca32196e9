import { beforeEach, describe, expect, it } from 'vitest';
import { OPERATOR_KEY, RestWorld } from './testing/rest-world.ts';
import type { TestAccount } from './testing/rest-world.ts';

let world: RestWorld;
let child: TestAccount;
beforeEach(async () => {
  world = await RestWorld.open();
  child = await world.newAccount('Child', world.account.sid);
});

const path = ({ sid }: { readonly sid: string }): string => `/v1/accounts/${sid}/guards`;

describe('MT-10 guards of an account', () => {
  it('are set by its owner or the operator; what is left out is the owner`s, and at last the default', async () => {
    const put = await world.request('PUT', path(child), { json: { blocked: ['+53'], spendPerDay: 500 } });
    expect(put.statusCode, put.body).toBe(200);
    expect(put.json()).toMatchObject({
      guards: { blocked: ['+53'], spendPerDay: 500 },
      effective: { blocked: ['+53'], spendPerDay: 500, highRisk: 'blocked', callsPerMinute: 0 },
    });
    const ofOwner = await world.app.inject({
      method: 'PUT',
      url: path(world.account),
      headers: { authorization: `Bearer ${OPERATOR_KEY}` },
      payload: { callsPerMinute: 60, spendPerDay: 9000, prices: { '+49': 2 } },
    });
    expect(ofOwner.statusCode, ofOwner.body).toBe(200);
    expect((await world.request('GET', path(child), { as: child })).json()).toMatchObject({
      guards: { blocked: ['+53'], spendPerDay: 500 },
      effective: { blocked: ['+53'], spendPerDay: 500, callsPerMinute: 60, prices: { '+49': 2 } },
    });
  });

  it('are not changed by the account itself or a stranger; what is wrong is named', async () => {
    const itself = await world.request('PUT', path(child), { as: child, json: {} });
    expect(itself.json()).toMatchObject({
      status: 403,
      detail: 'An account cannot change its own guards: its owner or the operator can',
    });
    const stranger = await world.newAccount('Stranger');
    expect((await world.request('PUT', path(child), { as: stranger, json: {} })).statusCode).toBe(404);
    const wrong = await world.request('PUT', path(child), { json: { blocked: ['Cuba'] } });
    expect(wrong.statusCode).toBe(400);
    expect(wrong.body).toContain('first digits of a number');
  });
});
