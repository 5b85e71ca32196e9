import { FILTER_MEMBERS } from '@hookswitch/shared';
import type { ClientFrameInput, Filter, Position, Rewind } from '@hookswitch/shared';

export interface SubscribeOptions {
  /** An earlier event's position: what came after it is delivered first. */
  readonly position?: Position;
  /** Some of the past first: the newest `count` events (1 to 1000), or those since a time (epoch milliseconds). */
  readonly rewind?: Rewind;
  /** Only some of the events that the topic matches; the server looks. */
  readonly filter?: Filter;
  /** While the network or the reader is slow, only the newest event of each topic is kept. Never a `gap` for the others. */
  readonly conflate?: boolean;
  /** This connection becomes a member of the topic (no wildcards); `info` is shown with it. */
  readonly presence?: boolean | { readonly info?: Readonly<Record<string, unknown>> };
  /** Ends the subscription. */
  readonly signal?: AbortSignal;
  /** Events held for a reader of `for await` that is busy (default 1000). */
  readonly maxBuffered?: number;
  /** When more would have to be held: drop the oldest and emit `gap` (default), or end with the error `readerTooSlow`. */
  readonly overflow?: 'drop-oldest' | 'fail';
}

type SubscribeFrame = Extract<ClientFrameInput, { type: 'subscribe' }>;
/** What the server is told of a topic; one for all subscriptions to it, since a connection subscribes a pattern once. */
export type WireOptions = Pick<SubscribeFrame, 'filter' | 'conflate' | 'presence'>;

/**
 * What serves everybody: the filter is what all have in common (each applies its own besides), it is conflated when all
 * want it, and a member when one wants it.
 */
export function wireOptions(all: readonly SubscribeOptions[]): WireOptions {
  const filter = commonFilter(all);
  const presence = all.find((one) => one.presence !== undefined && one.presence !== false)?.presence;
  return {
    ...(filter === undefined ? {} : { filter }),
    ...(all.every(({ conflate }) => conflate === true) ? { conflate: true } : {}),
    ...(presence === undefined ? {} : { presence: presence }),
  };
}

/** Whether a subscription made with `has` gives what `wants` asks for. Having more than is wanted is no reason to change. */
export function serves(has: WireOptions, wants: WireOptions): boolean {
  const lets = wireOptions([has as SubscribeOptions, wants as SubscribeOptions]);
  return (
    same(lets.filter, has.filter) &&
    same(has.presence, wants.presence) &&
    (has.conflate !== true || lets.conflate === true)
  );
}

/** Members that all filters have with the same values: never more than each lets through, so never refused if they are not. */
function commonFilter(all: readonly SubscribeOptions[]): Filter | undefined {
  const [first, ...others] = all.map(({ filter }) => filter ?? {});
  const common = FILTER_MEMBERS.filter(
    (member) => first?.[member] !== undefined && others.every((other) => same(first[member], other[member])),
  );
  return common.length === 0 ? undefined : Object.fromEntries(common.map((member) => [member, first?.[member]]));
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
