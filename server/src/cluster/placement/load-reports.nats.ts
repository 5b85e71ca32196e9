import { z } from 'zod';
import { ALL_LOADS, NodeReports, loadSubject } from '../../bus/index.ts';
import type { Bus } from '../../bus/index.ts';
import type { LoadReports, NodeLoad } from './ports.ts';

const schema: z.ZodType<NodeLoad> = z.object({
  node: z.string(),
  channels: z.number().nonnegative(),
  capacity: z.number().nonnegative(),
  cpu: z.number().nonnegative(),
  loopLagMs: z.number().nonnegative(),
  packetsPerSecond: z.number().nonnegative(),
  draining: z.boolean(),
  startupMs: z.number().nonnegative(),
});

/** Reports on `hs.load.<node>`. */
export class NatsLoadReports extends NodeReports<NodeLoad> implements LoadReports {
  constructor(bus: Bus) {
    super(bus, { all: ALL_LOADS, subjectOf: loadSubject, schema, what: 'the load of a node' });
  }
}
