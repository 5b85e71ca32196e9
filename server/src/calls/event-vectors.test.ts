import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { eventDataSchemas, topicsOf } from '@hookswitch/shared';
import type { EventData, EventType } from '@hookswitch/shared';

interface Vector {
  readonly name: string;
  readonly type: EventType;
  readonly data: EventData<EventType>;
  readonly topics: readonly string[];
}

const file = new URL('../../../shared/vectors/events.json', import.meta.url);
const { events } = JSON.parse(readFileSync(file, 'utf8')) as { readonly events: readonly Vector[] };

describe('golden events', () => {
  it.each(events)('$name', ({ type, data, topics }) => {
    expect(eventDataSchemas[type].strict().parse(data)).toEqual(data);
    expect(topicsOf(type, data)).toEqual(topics);
  });

  it('there is one of every event of a transfer', () => {
    const types = Object.keys(eventDataSchemas).filter((type) => type.startsWith('call.transfer'));
    expect([...new Set(events.map(({ type }) => type as string))]).toEqual(expect.arrayContaining(types));
  });
});
