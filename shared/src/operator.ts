import { z } from 'zod';

/** What the operator of a cluster is shown: answers of `/v1/cluster/*`. Times are ISO 8601, in UTC. */

const time = z.string().describe('ISO 8601');
const count = z.int().min(0);

/** The nodes of the cluster that take calls. */
export const nodeListSchema = z
  .object({
    nodes: z.array(
      z.object({
        node: z.string(),
        state: z.enum(['ready', 'draining', 'silent']).describe('silent: it has not said how it is for 5 s'),
        roles: z.array(z.string()),
        startedAt: time,
        addresses: z.record(z.string(), z.string()),
        channels: z.number().nullable().describe('legs of calls; null: it has not said'),
        capacity: z.number().nullable(),
        cpu: z.number().nullable().describe('share of a core that its busiest thread uses'),
        loopLagMs: z.number().nullable(),
        packetsPerSecond: z.number().nullable(),
        startupMs: z.number().nullable(),
      }),
    ),
    room: z.number().describe('outgoing calls that fit now'),
  })
  .meta({ id: 'ClusterNodes' });
export type NodeList = z.infer<typeof nodeListSchema>;

/** A node that was told to take no more calls. */
export const drainedNodeSchema = z
  .object({
    node: z.string(),
    state: z.literal('draining'),
    calls: count.describe('that it has now'),
    deadlineSeconds: count,
  })
  .meta({ id: 'DrainingNode' });
export type DrainedNode = z.infer<typeof drainedNodeSchema>;

/** What was decided about the number of nodes, and why. */
export const decisionListSchema = z
  .object({
    decisions: z.array(
      z.object({
        at: time,
        action: z.enum(['expand', 'contract', 'hold']),
        nodes: z.number().describe('there were, those being started included'),
        wanted: z.number(),
        load: z.number().describe('Erlangs'),
        expected: z.number().describe('Erlangs that are provided for'),
        error: z.number().describe('standard deviation of the forecast'),
        expectedAt: time,
        channels: z.number().describe('for that load, by Erlang B'),
        wouldWait: z.number().describe('share of calls that would wait with the nodes there were, by Erlang C'),
        reasons: z.array(z.string()),
      }),
    ),
  })
  .meta({ id: 'ClusterDecisions' });
export type DecisionList = z.infer<typeof decisionListSchema>;

/** Calls that were asked for and wait. */
export const queueViewSchema = z
  .object({
    node: z.string().nullable().describe('which schedules; null: none that answers just now'),
    waiting: count.describe('whose turn has not come'),
    scheduled: count.describe('that are to start later'),
    running: count.describe('that were started and are not over'),
    oldestWaitMs: z.number().nullable().describe('null: none waits'),
    nextStartAt: time.nullable().describe('of those that are to start later'),
    startedLastMinute: count,
    accounts: z
      .array(
        z.object({
          accountSid: z.string(),
          name: z.string(),
          waiting: count,
          scheduled: count,
          running: count,
          oldestWaitMs: z.number().nullable(),
        }),
      )
      .describe('most waiting first'),
    moreAccounts: count.describe('that are left out'),
  })
  .meta({ id: 'ClusterQueue' });
export type QueueView = z.infer<typeof queueViewSchema>;

const tenantSchema = z
  .object({
    accountSid: z.string(),
    name: z.string(),
    status: z.enum(['active', 'suspended', 'closed']),
    calls: count.describe('on all nodes, now'),
    queued: count,
    scheduled: count,
    connections: count.describe('clients on all gateways, now'),
    uses: z
      .array(z.object({ limit: z.string().describe('its name'), used: z.number(), of: z.number() }))
      .describe('limits on what exists at a time, and caps of its guards'),
  })
  .meta({ id: 'ClusterTenant' });

/** What every account has now. */
export const tenantListSchema = z
  .object({
    tenants: z.array(tenantSchema).describe('those near a cap of their guards, then the busiest, then the newest'),
    missing: z.array(z.string()).describe('nodes that did not answer: what they have is not counted'),
  })
  .meta({ id: 'ClusterTenants' });
export type TenantList = z.infer<typeof tenantListSchema>;
export type Tenant = TenantList['tenants'][number];

/** An account whose status the operator has changed. */
export const tenantStatusSchema = z
  .object({ accountSid: z.string(), name: z.string(), status: z.enum(['active', 'suspended', 'closed']) })
  .meta({ id: 'ClusterTenantStatus' });
export type TenantStatus = z.infer<typeof tenantStatusSchema>;

/** Trunks of all accounts. */
export const trunkListSchema = z
  .object({
    trunks: z
      .array(
        z.object({
          trunkSid: z.string(),
          accountSid: z.string(),
          accountName: z.string(),
          name: z.string(),
          in: count.describe('calls from the carrier, on all nodes'),
          out: count.describe('calls to the carrier, on all nodes'),
          limits: z.object({ total: count.nullable(), in: count.nullable(), out: count.nullable() }),
          cost: z.number().nullable().describe('of a minute; null: none is set'),
          priority: z.number().nullable().describe('lowest first; null: none is set'),
          gateways: z.array(
            z.object({
              name: z.string(),
              priority: z.number(),
              up: z.boolean().describe('on every node that watches it'),
              downOn: z.array(z.string()).describe('nodes that do not reach it'),
            }),
          ),
        }),
      )
      .describe('those with a gateway that is down first, then the busiest'),
    more: count.describe('that are left out'),
    missing: z.array(z.string()).describe('nodes that did not answer: what they have is not counted'),
  })
  .meta({ id: 'ClusterTrunks' });
export type TrunkList = z.infer<typeof trunkListSchema>;

const expectedSchema = z.object({ at: time, mean: z.number(), error: z.number().describe('standard deviation') });

/** Load that was, what had been said of it, and what is expected. Erlangs. */
export const forecastViewSchema = z
  .object({
    at: time.describe('now'),
    load: z.number().describe('now'),
    trusted: z.boolean().describe('false: it has seen less than a day, and nothing is built on it yet'),
    seenMinutes: count,
    leadMinutes: count.describe('what was said is of so long before'),
    actual: z.array(z.object({ at: time, load: z.number() })).describe('oldest first'),
    said: z.array(expectedSchema).describe('forecasts of the past, by the time that they were for'),
    expected: z.array(expectedSchema).describe('from now on'),
    capacity: z
      .array(z.object({ at: time, channels: z.number() }))
      .describe('channels of the nodes that there were, as many each as nodes have now; holds until the next'),
    meanError: z.number().nullable().describe('mean distance of what was said from what came; null: nothing was said'),
  })
  .meta({ id: 'ClusterForecast' });
export type ForecastView = z.infer<typeof forecastViewSchema>;

/** Clients of one process. */
export const connectionListSchema = z.object({
  connections: z.array(
    z.object({
      connection: z.string(),
      account: z.string().nullable().describe('null: no good token yet'),
      identity: z.string().nullable(),
      transport: z.string(),
      address: z.string(),
      topics: z.array(z.string()),
      waitingBytes: z.number().describe('written, and not taken by the operating system yet'),
    }),
  ),
});
export type ConnectionList = z.infer<typeof connectionListSchema>;
