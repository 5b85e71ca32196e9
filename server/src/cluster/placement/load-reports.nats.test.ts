import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../../bus/testing/eventually.ts';
import { startTestNats } from '../../bus/testing/test-nats.ts';
import type { TestNats } from '../../bus/testing/test-nats.ts';
import { systemClock } from '../../kernel/index.ts';
import { ProcessMeter } from './load-meter.fs.ts';
import { NatsLoadReports } from './load-reports.nats.ts';
import type { NodeLoad } from './ports.ts';

let server: TestNats;
beforeAll(async () => {
  server = await startTestNats();
});
afterAll(() => server.close());

it('MT-2 every process hears every report; what is no report is left out', async () => {
  const [a, b] = [new NatsLoadReports(server.bus), new NatsLoadReports(server.bus)];
  const heard: NodeLoad[] = [];
  b.onReport((load) => heard.push(load));
  const load = { node: 'n1.x', channels: 1, capacity: 2, cpu: 0.5, loopLagMs: 3, packetsPerSecond: 4 };
  server.bus.nc.publish('hs.load.bad', 'no JSON');
  a.publish({ ...load, draining: false, startupMs: 5 });
  await eventually(() => {
    expect(heard).toHaveLength(1);
  });
  expect(heard).toEqual([{ ...load, draining: false, startupMs: 5 }]);
  a.close();
  b.close();
  b.close();
});

it('MT-2 this process is measured: processor time, delay of the loop, packets', async () => {
  const meter = new ProcessMeter({ clock: systemClock, pids: () => [process.ppid, 999_999_999] });
  meter.read();
  const until = systemClock.monotonic() + 60;
  while (systemClock.monotonic() < until);
  const { cpu, loopLagMs, packetsPerSecond } = meter.read();
  expect(cpu).toBeGreaterThan(0);
  expect(cpu).toBeLessThanOrEqual(1);
  expect(loopLagMs).toBeGreaterThanOrEqual(0);
  expect(packetsPerSecond).toBeGreaterThanOrEqual(0);
  meter.close();
  await Promise.resolve();
});
