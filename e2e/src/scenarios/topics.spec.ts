import type { Page } from '@playwright/test';
import { expect, test } from '../fixtures/test.ts';

/** Runs in the page: publishes with the library that the server offers, as a page without a bundler would. */
async function publish(
  page: Page,
  events: readonly { topic: string; data: unknown; type?: string }[],
): Promise<unknown> {
  return page.evaluate(async (list) => {
    const { HubClient } = (await import(new URL('sdk/hub.mjs', location.href).href)) as {
      HubClient: new (options: object) => {
        connect(): Promise<unknown>;
        subscribe(
          topic: string,
          options?: object,
        ): AsyncIterable<{ event: { data: unknown } }> & { ready: Promise<unknown> };
        publish(topic: string, data: unknown, options: object): Promise<unknown>;
        presence(topic: string): Promise<{ members: { identity?: string; info?: unknown }[] }>;
        close(): void;
      };
    };
    const token = async (): Promise<string> =>
      ((await (await fetch('demo/token?identity=carol')).json()) as { token: string }).token;
    const hub = new HubClient({ token });
    await hub.connect();
    const room = hub.subscribe('app.room', { presence: { info: { name: 'Carol' } } });
    await room.ready;
    for (const { topic, data, type } of list) await hub.publish(topic, data, type === undefined ? {} : { type });
    let seen: unknown;
    for await (const { event } of room) {
      seen = event.data;
      break;
    }
    const { members } = await hub.presence('app.other');
    hub.close();
    return { seen, others: members.length };
  }, events);
}

test('a page without a bundler uses the library that the server offers; an operator watches its topics live', async ({
  agent,
}) => {
  const { page } = await agent({ identity: 'alice' });
  await page.getByTestId('topics-link').click();
  await page.getByTestId('watch-topic').fill('app.>');
  await page.getByTestId('watch-types').fill('app.*, order.created');
  await page.getByTestId('watch-start').click();
  const rate = page.getByTestId('watch-rate');
  await expect(rate).toHaveAttribute('data-topic', 'app.>');
  await expect(rate).toHaveAttribute('data-state', 'connected');

  const other = await agent({ identity: 'bob' });
  const orders = [1, 2, 3].map((id) => ({ topic: 'app.orders', data: { id }, type: 'order.created' }));
  const unseen = { topic: 'app.noise', data: null, type: 'noise.made' };
  expect(await publish(other.page, [...orders, unseen, { topic: 'app.room', data: 'hello' }])).toEqual({
    seen: 'hello',
    others: 0,
  });

  const rows = page.getByTestId('watch-topics').locator('tbody tr');
  await expect(rows).toHaveText(['app.orders3', 'app.room1']);
  await expect(page.getByTestId('watch-total')).toHaveText('4');
  await expect(page.getByTestId('event-item')).toHaveCount(4);
  await expect(page.getByTestId('watch-per-second')).not.toHaveText('0.0');

  await page.getByTestId('watch-topic').fill('queues.>');
  await page.getByTestId('watch-start').click();
  await expect(rate).toContainText('does not grant');
});
