import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLog, systemClock, systemRandom } from '../kernel/index.ts';
import { Bus } from './connection.nats.ts';
import { EmbeddedNats } from './embedded-nats.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };
const HOUR_MS = 3_600_000;

describe('coming back to NATS', () => {
  let directory: string;
  let nats: EmbeddedNats;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hs-nats-'));
    nats = await EmbeddedNats.start({ directory, ...parts });
  });
  afterEach(async () => {
    vi.useRealTimers();
    await nats.close();
    await rm(directory, { recursive: true, force: true });
  });

  it.each([
    ['back', HOUR_MS],
    ['on', -HOUR_MS],
  ])('does not wait for a clock that was set %s by an hour', async (_, ahead) => {
    const now = systemClock.now();
    vi.useFakeTimers({ toFake: ['Date'], now: now + ahead });
    const bus = await Bus.connect({ url: nats.url, name: 'test', ...parts });
    const lost = new Promise<void>((resolve) => bus.on('disconnected', resolve));
    const back = new Promise<void>((resolve) => bus.on('reconnected', resolve));
    process.kill(nats.pid!, 'SIGKILL');
    await lost;
    vi.setSystemTime(now);
    await back;
    await bus.nc.flush();
    expect(bus.connected).toBe(true);
    await bus.close();
  });
});
