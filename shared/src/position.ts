import { z } from 'zod';

/**
 * Where in an account's stream an event stands. `epoch` changes when the stream was recreated: positions of different
 * epochs cannot be compared. `seq` rises with every event of the shard's stream, not by one per topic.
 */
export const positionSchema = z.strictObject({
  epoch: z.string().min(1).max(64),
  seq: z.number().int().nonnegative(),
});
export type Position = z.infer<typeof positionSchema>;

/** Whether `a` comes after `b`; undefined when the epochs differ. */
export function isAfter(a: Position, b: Position): boolean | undefined {
  return a.epoch === b.epoch ? a.seq > b.seq : undefined;
}
