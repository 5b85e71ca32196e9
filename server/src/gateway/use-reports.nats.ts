import { z } from 'zod';
import { ALL_USES, NodeReports, useSubject } from '../bus/index.ts';
import type { Bus } from '../bus/index.ts';
import type { UseReport, UseReports } from './ports.ts';

const amount = z.number().nonnegative();
const schema: z.ZodType<UseReport> = z.object({
  node: z.string(),
  accounts: z.array(
    z.object({ accountSid: z.string(), connections: amount, subscriptions: amount, events: amount, bytes: amount }),
  ),
});

/** Reports on `hs.use.<node>`. */
export class NatsUseReports extends NodeReports<UseReport> implements UseReports {
  constructor(bus: Bus) {
    super(bus, { all: ALL_USES, subjectOf: useSubject, schema, what: 'what accounts use of a gateway' });
  }
}
