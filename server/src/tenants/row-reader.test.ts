import { describe, expect, it } from 'vitest';
import { RowReader, rfc3339 } from './row-reader.ts';

describe('rows as PostgreSQL sends them', () => {
  it.each([
    ['2026-01-05 10:00:00+00', '2026-01-05T10:00:00.000Z'],
    ['2026-01-05 10:00:00.5+00', '2026-01-05T10:00:00.500Z'],
    ['2026-01-05 10:00:00.123+00', '2026-01-05T10:00:00.123Z'],
    ['2026-01-05 10:00:00.123456+00', '2026-01-05T10:00:00.123Z'],
    ['2026-01-05 11:00:00.123+01', '2026-01-05T10:00:00.123Z'],
    ['2026-07-05 15:30:00+05:30', '2026-07-05T10:00:00.000Z'],
  ])('%s is %s, whatever the time zone of the session', (sent, wanted) => {
    expect(rfc3339(sent)).toBe(wanted);
  });

  it('become members by their columns, with the types of the table', () => {
    const reader = new RowReader({ sid: { name: 'sid' }, accountSid: { name: 'account_sid' } });
    expect(reader.columns).toBe('"sid", "account_sid"');
    expect(reader.read(['CA1', null])).toEqual({ sid: 'CA1', accountSid: null });
    const { types } = reader.query({ text: '', values: [] });
    const parsed = (oid: number, text: string): unknown => types.getTypeParser(oid)(text);
    expect([parsed(16, 't'), parsed(16, 'f'), parsed(20, '5'), parsed(3802, '{"a":[1]}'), parsed(25, '5')]).toEqual([
      true,
      false,
      5,
      { a: [1] },
      '5',
    ]);
  });
});
