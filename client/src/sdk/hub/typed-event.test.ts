import { eventDataSchemas } from '@hookswitch/shared';
import { describe, expect, it } from 'vitest';
import { isOfType } from './typed-event.ts';

const event = (type: string): Parameters<typeof isOfType>[1] => ({
  specversion: '1.0',
  id: 'e1',
  source: 'n1',
  type,
  time: '2030-01-01T00:00:00Z',
  datacontenttype: 'application/json',
  accountsid: 'AC',
  data: {},
});

describe('events of a type', () => {
  it.each(Object.keys(eventDataSchemas))('%s is the server’s: not believed where clients publish', (type) => {
    expect(isOfType(type, event(type), 'calls.CA1.x')).toBe(true);
    expect(isOfType(type, event(type), 'app.x')).toBe(false);
    expect(isOfType('other.type', event(type), 'calls.CA1.x')).toBe(false);
  });

  it('types of an application are', () => {
    expect(isOfType('order.created', event('order.created'), 'app.orders')).toBe(true);
  });
});
