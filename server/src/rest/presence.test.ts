import { beforeEach, expect, it } from 'vitest';
import { RestWorld } from './testing/rest-world.ts';

let world: RestWorld;
let path: string;
beforeEach(async () => {
  world = await RestWorld.open();
  path = `/v1/accounts/${world.account.sid}/presence`;
});

async function join(topic: string, connection: string, accountSid = world.account.sid): Promise<void> {
  world.presence.join({ accountSid, topic, connection, identity: 'alice', info: { role: 'agent' } });
  await world.clock.advanceAsync(50);
}

it('BR-7 lists the members of a topic by page', async () => {
  await join('app.room', 'c1');
  await join('app.room', 'c2');
  const first = await world.request('GET', `${path}?topic=app.room&PageSize=1`);
  expect([first.statusCode, first.json()]).toMatchObject([
    200,
    { topic: 'app.room', occupancy: 2, next: 'c1', members: [{ connection: 'c1', identity: 'alice' }] },
  ]);
  const second = await world.request('GET', `${path}?topic=app.room&PageSize=1&After=c1`);
  expect(second.json()).toMatchObject({ next: null, members: [{ connection: 'c2', info: { role: 'agent' } }] });
});

it('BR-7 counts members of all topics under a pattern, of this account only', async () => {
  const other = await world.newAccount('Other');
  await join('app.a', 'c1');
  await join('app.b', 'c2');
  await join('app.a', 'c3', other.sid);
  const all = await world.request('GET', `${path}/occupancy`);
  expect(all.json()).toEqual({
    topics: [
      { topic: 'app.a', occupancy: 1 },
      { topic: 'app.b', occupancy: 1 },
    ],
    next: null,
  });
  const foreign = await world.request('GET', `${path}/occupancy`, { as: other });
  expect([401, 403, 404]).toContain(foreign.statusCode);
});

it.each(['?topic=app.*', '?topic=a..b', '', '?topic=app.a&PageSize=0'])('refuses %s', async (query) => {
  expect((await world.request('GET', `${path}${query}`)).statusCode).toBe(400);
});

it('EV-5 tells backends where they find their events over NATS', async () => {
  const { sid } = world.account;
  const answer = await world.request('GET', `/v1/accounts/${sid}/nats`);
  expect(answer.json()).toEqual({
    address: '127.0.0.1:4222',
    managed: true,
    user: 'sid of an API key',
    subjects: { events: `ev.${sid}`, publish: `pub.${sid}`, history: `history.${sid}` },
  });
});
