import type { EventData, EventType, HookswitchEvent } from '@hookswitch/shared';

/** Names of events with a type: those of the product, and your own (`hub.subscribe<{ 'order.created': Order }>(..)`). */
export type EventName<Own extends object> = EventType | (keyof Own & string);

/** The data of an event type. */
export type DataOf<N extends string, Own extends object> = N extends keyof Own
  ? Own[N]
  : N extends EventType
    ? EventData<N>
    : unknown;

/** An event whose type is known. Its data is what the publisher said: the library does not look into it. */
export type TypedEvent<N extends string = string, Data = unknown> = Omit<HookswitchEvent, 'type' | 'data'> & {
  readonly type: N;
  readonly data: Data;
};

const SERVER_TYPES =
  /^(call|client|conference|guard|link|node|phone|presence|queue|recording|stream|transcription|trunk|webhook)\./;

/**
 * Whether an event is of this type and may be taken for it: clients may publish any type under `app.`, so there the types
 * of the server are not believed.
 */
export function isOfType(name: string, event: HookswitchEvent, topic: string): boolean {
  return event.type === name && !(topic.startsWith('app.') && SERVER_TYPES.test(name));
}
