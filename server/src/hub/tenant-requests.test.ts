import { expect, it } from 'vitest';
import { FakeClock } from '../kernel/clock.fake.ts';
import { systemRandom } from '../kernel/index.ts';
import { HubTenantRequests } from './tenant-requests.ts';
import { ACCOUNT, OTHER_ACCOUNT, hubFixture } from './testing/fixtures.ts';

it('EV-5 publishes once under an id, in the account of the login, and finds it in its history', async () => {
  const clock = new FakeClock();
  const { hub } = hubFixture(clock);
  const requests = new HubTenantRequests({ hub, isActive: () => true, clock, random: systemRandom });
  const order = { id: 'order-1', type: 'order.created', data: { order: 1 } };
  const first = await requests.publish(ACCOUNT, 'app.orders', order);
  expect(first).toMatchObject({ id: 'order-1', topic: 'app.orders' });
  expect(await requests.publish(ACCOUNT, 'app.orders', order)).toEqual(first);
  const history = await requests.history(ACCOUNT, { topic: 'app.>' });
  expect(history).toMatchObject({ events: [{ topic: 'app.orders', event: { type: 'order.created' } }], next: null });
  expect(await requests.history(OTHER_ACCOUNT, {})).toMatchObject({ events: [] });
  await hub.close();
});

it('refuses what is not its own, too large, not valid, or of a suspended account', async () => {
  const clock = new FakeClock();
  const { hub } = hubFixture(clock);
  let isActive = true;
  const requests = new HubTenantRequests({ hub, isActive: () => isActive, clock, random: systemRandom });
  const name = async (answer: Promise<object>): Promise<unknown> =>
    ((await answer) as { error?: { name: string } }).error?.name;
  expect(await name(requests.publish(ACCOUNT, 'calls.CA1.ended', {}))).toBe('notPermitted');
  expect(await name(requests.publish(ACCOUNT, 'app..x', {}))).toBe('badTopic');
  expect(await name(requests.publish(ACCOUNT, 'app.x', { data: 'x'.repeat(40_000) }))).toBe('payloadTooLarge');
  expect(await name(requests.publish(ACCOUNT, 'app.x', { type: 'UPPER' }))).toBe('badFrame');
  expect(await name(requests.history(ACCOUNT, []))).toBe('badFrame');
  isActive = false;
  expect(await name(requests.history(ACCOUNT, {}))).toBe('accountInactive');
  await hub.close();
});
