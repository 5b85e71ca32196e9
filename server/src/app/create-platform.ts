import { createMetrics, randomHex, systemClock, systemRandom } from '../kernel/index.ts';
import type { Log } from '../kernel/index.ts';
import type { Config } from './config.ts';
import { Health } from './health.ts';
import type { Platform } from './platform.ts';
import { Startup } from './startup.ts';

/** What every part of this process is given; its name is a new one each time. */
export function createPlatform(config: Config, { log, signal }: { log: Log; signal: AbortSignal }): Platform {
  const clock = systemClock;
  const node = `n${randomHex(systemRandom, 5)}`;
  return {
    config,
    node,
    clock,
    random: systemRandom,
    log: log.child({ node }),
    metrics: createMetrics({ defaults: true }),
    health: new Health(),
    startup: new Startup({ name: 'server', log, signal, now: () => clock.monotonic() }),
    env: process.env,
  };
}
