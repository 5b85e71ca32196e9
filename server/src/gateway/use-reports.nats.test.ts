import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../bus/testing/eventually.ts';
import { startTestNats } from '../bus/testing/test-nats.ts';
import type { TestNats } from '../bus/testing/test-nats.ts';
import type { UseReport } from './ports.ts';
import { NatsUseReports } from './use-reports.nats.ts';

let server: TestNats;
beforeAll(async () => {
  server = await startTestNats();
});
afterAll(() => server.close());

it('EV-9 every gateway hears what accounts use of the others; what is no report is left out', async () => {
  const [a, b] = [new NatsUseReports(server.bus), new NatsUseReports(server.bus)];
  const heard: UseReport[] = [];
  b.onReport((report) => heard.push(report));
  const use = { accountSid: `AC${'1'.repeat(32)}`, connections: 1, subscriptions: 2, events: 3, bytes: 4 };
  server.bus.nc.publish('hs.use.bad', 'no JSON');
  a.publish({ node: 'n1.x', accounts: [use] });
  await eventually(() => {
    expect(heard).toHaveLength(1);
  });
  expect(heard).toEqual([{ node: 'n1.x', accounts: [use] }]);
  a.close();
  b.close();
  b.close();
});
