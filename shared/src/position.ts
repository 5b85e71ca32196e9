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

/** A position as one text for headers and query strings, `<epoch>:<seq>`. Opaque to clients. */
export function formatPosition({ epoch, seq }: Position): string {
  return `${epoch}:${seq}`;
}

/** What {@link formatPosition} wrote; undefined for anything else. */
export function readPosition(text: string): Position | undefined {
  const colon = text.lastIndexOf(':');
  const digits = text.slice(colon + 1);
  if (colon < 1 || !/^[0-9]{1,16}$/.test(digits)) return undefined;
  const parsed = positionSchema.safeParse({ epoch: text.slice(0, colon), seq: Number(digits) });
  return parsed.success ? parsed.data : undefined;
}
