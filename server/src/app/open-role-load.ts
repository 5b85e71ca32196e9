import type { Bus } from '../bus/index.ts';
import type { NodeRpc } from '../bridge/index.ts';
import { LoadReporter } from '../cluster/placement/index.ts';
import { ProcessMeter } from '../cluster/placement/load-meter.fs.ts';
import { NatsLoadReports } from '../cluster/placement/load-reports.nats.ts';
import { Drain } from './drain.ts';
import { serveDrain } from './open-node-load.ts';
import type { Platform } from './platform.ts';

interface RoleLoadNeeds {
  readonly bus: Bus;
  readonly rpc: NodeRpc;
  /** What `inUse` counts. */
  readonly what: string;
  readonly inUse: () => number;
  /** How much of it this process is planned to have. */
  readonly capacity: number;
  /** Takes no more; resolves when what there is is over, at the deadline at the latest. */
  readonly finish: (deadlineMs: number) => Promise<void>;
}

export interface RoleLoadParts {
  readonly drain: Drain;
  /** This process is ready: tells the others, with the time that it took to start. */
  readonly ready: () => void;
}

/** A process without the role `call` tells the others how it is, and goes out of service when it is asked to. */
export async function openRoleLoad(platform: Platform, needs: RoleLoadNeeds): Promise<RoleLoadParts> {
  const { startup, clock, node, log, health } = platform;
  const { bus, rpc, what, inUse, capacity, finish } = needs;
  let startupMs = 0;
  const close = (opened: { close(): void }): void => {
    opened.close();
  };
  const reports = await startup.step('load reports', () => new NatsLoadReports(bus), close);
  const reporter = await startup.step(
    'load of this node',
    () =>
      new LoadReporter({
        ...{ node, reports, clock, channels: inUse, capacity, startupMs: () => startupMs },
        meter: new ProcessMeter({ clock, pids: () => [] }),
        draining: () => health.state !== 'ready',
        silent: () => health.state === 'starting',
      }),
    close,
  );
  const drain = new Drain({
    ...{ health, calls: inUse, finishCalls: finish },
    log: log.child({ counted: what }),
    tell: () => {
      reporter.sayNow();
    },
  });
  startup.scope.defer(serveDrain(rpc, drain, inUse));
  return {
    drain,
    ready: () => {
      startupMs = Math.round(process.uptime() * 1000);
      reporter.sayNow();
    },
  };
}
