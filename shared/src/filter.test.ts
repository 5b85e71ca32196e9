import { describe, expect, it } from 'vitest';
import type { Filter } from './filter.ts';
import { matchesFilter } from './filter-match.ts';
import { filterFromQuery, filterKey, filterSchema, fitsWithin, narrows, toQuery } from './filter.ts';

const CA = `CA${'1'.repeat(32)}`;
const PARENT = `CA${'2'.repeat(32)}`;
const ringing = {
  type: 'call.ringing',
  subject: CA,
  data: {
    callSid: CA,
    parentCallSid: PARENT,
    direction: 'outbound-dial',
    from: '+15550100',
    to: 'client:support/alice',
  },
};

describe('EV-3 what a filter matches', () => {
  const table: [Filter, boolean][] = [
    [{}, true],
    [{ type: 'call.ringing' }, true],
    [{ type: 'call.*' }, true],
    [{ type: 'call.ring' }, false],
    [{ type: 'cal.*' }, false],
    [{ type: ['call.ended', 'call.ringing'] }, true],
    [{ call: CA }, true],
    [{ call: PARENT }, true],
    [{ call: ['CAx', CA] }, true],
    [{ call: 'CAx' }, false],
    [{ number: '+15550100' }, true],
    [{ number: '15550100' }, false],
    [{ identity: 'support/alice' }, true],
    [{ identity: 'support' }, false],
    [{ application: 'AP1' }, false],
    [{ conference: 'CF1' }, false],
    [{ queue: 'QU1' }, false],
    [{ type: 'call.*', number: '+15550100', call: CA }, true],
    [{ type: 'call.*', number: '+15550199', call: CA }, false],
  ];
  it.each(table)('%j on a ringing leg: %s', (filter, matches) => {
    expect(matchesFilter(filter, ringing)).toBe(matches);
  });

  it('looks at data, the subject and the extensions of events of any type', () => {
    const named = (data: unknown, more = {}): Parameters<typeof matchesFilter>[1] => ({ type: 'app.x', data, ...more });
    expect(matchesFilter({ conference: 'CF1' }, named({ conferenceSid: 'CF1' }))).toBe(true);
    expect(matchesFilter({ queue: 'QU1' }, named({}, { subject: 'QU1' }))).toBe(true);
    expect(matchesFilter({ application: 'AP1' }, named({ applicationSid: 'AP1' }))).toBe(true);
    expect(matchesFilter({ identity: 'alice' }, named({ identity: 'alice' }))).toBe(true);
    expect(matchesFilter({ call: CA }, named(null, { callsid: CA }))).toBe(true);
    expect(matchesFilter({ call: CA }, named({ callsid: CA }))).toBe(false);
  });

  it.each([
    null,
    undefined,
    7,
    'text',
    [],
    [CA],
    { callSid: { toString: () => CA } },
    { callSid: [CA] },
    JSON.parse(`{"__proto__":{"callSid":"${CA}"}}`) as unknown,
  ])('an event with data %j crashes nothing and does not match', (data) => {
    expect(matchesFilter({ call: CA, type: 'x.y' }, { type: 'x.y', data })).toBe(false);
    expect(matchesFilter({ type: 'x.*' }, { type: 'x.y', data })).toBe(true);
  });
});

describe('EV-4 narrowing', () => {
  const table: [asked: Filter, granted: Filter, narrows: boolean, fits: boolean][] = [
    [{}, {}, true, true],
    [{ call: CA }, {}, true, true],
    [{}, { call: CA }, false, true],
    [{ call: CA }, { call: [CA, PARENT] }, true, true],
    [{ call: [CA, PARENT] }, { call: CA }, false, false],
    [{ type: 'call.ended' }, { type: 'call.*' }, true, true],
    [{ type: 'call.*' }, { type: 'call.ended' }, false, false],
    [{ type: 'call.x.*' }, { type: 'call.*' }, true, true],
    [{ type: 'callx.ended' }, { type: 'call.*' }, false, false],
    [{ type: 'call.ended' }, { call: CA }, false, true],
    [{ number: '+1', call: CA }, { call: CA }, true, true],
    [{ call: '*' }, { call: CA }, false, false],
    [{ call: 'call.x' }, { call: 'call.*' }, false, false],
  ];
  it.each(table)('%j under %j: narrows %s, fits %s', (asked, granted, narrow, fits) => {
    expect(narrows(asked, granted)).toBe(narrow);
    expect(fitsWithin(asked, granted)).toBe(fits);
  });
});

describe('filters in text', () => {
  it.each([{ calls: CA }, { call: [] }, { call: '' }, { type: '*' }, { type: 'call.*.x' }, { call: 7 }, 'call'])(
    '%j is refused',
    (filter) => {
      expect(filterSchema.safeParse(filter).success).toBe(false);
    },
  );

  it('goes through a query string', () => {
    const filter = { type: ['call.*', 'app.x'], call: CA, number: ['+15550100'] };
    const record = Object.groupBy(toQuery(filter), ([name]) => name);
    const query = Object.fromEntries(
      Object.entries(record).map(([name, pairs]) => [name, pairs?.map(([, value]) => value)]),
    );
    const parsed = filterFromQuery({ ...query, topic: 'calls.>' });
    expect(parsed.ok && parsed.filter !== undefined && filterKey(parsed.filter)).toBe(filterKey(filter));
    expect(filterFromQuery({ number: ' 15550100' })).toEqual({ ok: true, filter: { number: '+15550100' } });
    expect(filterFromQuery({ topic: 'x' })).toEqual({ ok: true, filter: undefined });
    expect(filterFromQuery({ type: '>' })).toMatchObject({ ok: false });
  });

  it('says the same with the same key', () => {
    expect(filterKey({ call: ['b', 'a'], type: 'x.y' })).toBe(filterKey({ type: ['x.y'], call: ['a', 'b', 'a'] }));
    expect(filterKey({ call: 'a' })).not.toBe(filterKey({ identity: 'a' }));
  });
});
