// Shape of a trace (docs/simulator.md).
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const tenantClass = z.strictObject({
  name: z.string().min(1),
  tenants: z.int().min(1).max(100_000),
  weight: z.number().positive(),
  calls: z.int().min(1).max(1_000_000),
  noisy: z.boolean().default(false),
});

const fairness = z.strictObject({
  channels: z.int().min(1),
  holdSeconds: z.number().positive(),
  classes: z
    .array(tenantClass)
    .min(1)
    .refine((all) => all.some(({ noisy }) => !noisy), 'one class at least has to be quiet')
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'names of classes have to differ'),
});

const capacity = z.strictObject({ weeks: z.int().min(1).max(50), startupMinutes: z.number().min(1).max(60) });

const perSecond = z.number().min(0).max(10_000);
const minute = z.int().min(0);
const isRising = (values: readonly number[]): boolean =>
  values.every((value, index) => value > (values[index - 1] ?? -1));

const campaign = z
  .strictObject({
    knownMinute: minute,
    startMinute: minute,
    calls: z.int().min(1).max(1_000_000),
    tenants: z.int().min(1).max(100_000),
  })
  .refine(({ knownMinute, startMinute }) => knownMinute <= startMinute, 'startMinute is before knownMinute');

const cluster = z
  .strictObject({
    minutes: z.int().min(1).max(80_640),
    tenants: z.int().min(1).max(100_000),
    limits: z.strictObject({
      callsPerSecond: z.number().positive(),
      burst: z.number().min(1),
      window: z.strictObject({ calls: z.int().min(1), seconds: z.int().min(1) }).optional(),
      concurrent: z.int().min(1),
    }),
    holdSeconds: z.number().positive(),
    phases: z
      .array(z.strictObject({ fromMinute: minute, inboundPerSecond: perSecond, queuedPerSecond: perSecond }))
      .min(1)
      .refine((all) => isRising(all.map(({ fromMinute }) => fromMinute)), 'phases have to be in the order of time'),
    week: z.strictObject({ growth: z.number().min(-0.9).max(10), bursts: z.number().min(0).max(1000) }).optional(),
    campaigns: z.array(campaign).default([]),
    channelsPerNode: z.int().min(2),
    // One that takes longer is given up by the allocator.
    startupSeconds: z.number().min(1).max(179),
    drainSeconds: z.number().min(0),
    minNodes: z.int().min(1),
    maxNodes: z.int().min(1).max(1000),
    killMinutes: z.array(minute).default([]),
  })
  .refine(({ minNodes, maxNodes }) => minNodes <= maxNodes, 'minNodes is more than maxNodes');

const shape = z
  .strictObject({
    name: z.string().min(1),
    seed: z.int().min(0),
    fairness: fairness.optional(),
    capacity: capacity.optional(),
    cluster: cluster.optional(),
  })
  .refine((trace) => (trace.fairness ?? trace.capacity ?? trace.cluster) !== undefined, {
    message: 'fairness, capacity or cluster has to be there',
  });

export type Trace = z.infer<typeof shape>;

/** @throws an error that says what of the file is wrong, and where */
export function readTrace(file: string): Trace {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file} cannot be read as JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const parsed = shape.safeParse(content);
  if (!parsed.success) throw new Error(`${file} is no trace (docs/simulator.md):\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
