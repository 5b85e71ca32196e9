import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberIn, numberOut } from './normalise.ts';
import type { NumberPlan } from './ports.ts';

const NONE: NumberPlan = { countryCode: null, nationalPrefix: null, internationalPrefix: '00', out: 'e164', rules: [] };
const GERMANY: NumberPlan = { ...NONE, countryCode: '49', nationalPrefix: '0' };
const AMERICA: NumberPlan = { ...NONE, countryCode: '1', nationalPrefix: '1', internationalPrefix: '011' };
const ITALY: NumberPlan = { ...NONE, countryCode: '39' };

describe('numbers from a carrier', () => {
  it.each<[string, NumberPlan, string]>([
    ['+4930123456', NONE, '+4930123456'],
    ['tel:+49-30-123456;phone-context=x', NONE, '+4930123456'],
    ['+49 (30) 123.456', NONE, '+4930123456'],
    ['004930123456', NONE, '+4930123456'],
    ['4930123456', NONE, '+4930123456'],
    ['030123456', NONE, '030123456'],
    ['030123456', GERMANY, '+4930123456'],
    ['004930123456', GERMANY, '+4930123456'],
    ['4930123456', GERMANY, '+4930123456'],
    ['112', GERMANY, '112'],
    ['01149301234567', AMERICA, '+49301234567'],
    ['12125550100', AMERICA, '+12125550100'],
    ['2125550100', { ...AMERICA, nationalPrefix: null }, '+12125550100'],
    ['12125550100', { ...AMERICA, nationalPrefix: null }, '+12125550100'],
    ['0612345678', ITALY, '+390612345678'],
    ['0012025550100', { ...GERMANY, internationalPrefix: '00' }, '+12025550100'],
    ['alice', GERMANY, 'alice'],
    ['support.tier-1', GERMANY, 'support.tier-1'],
    ['', NONE, 'anonymous'],
    ['Anonymous', GERMANY, 'anonymous'],
    ['Restricted', NONE, 'anonymous'],
    ['+12', NONE, '+12'],
    ['+1234567890123456', NONE, '+1234567890123456'],
    ['00', NONE, '00'],
  ])('%s is read as expected (%#)', (text, plan, expected) => {
    expect(numberIn(text, plan)).toBe(expected);
  });
});

describe('numbers to a carrier', () => {
  it.each<[string, Partial<NumberPlan>, string]>([
    ['+4930123456', {}, '+4930123456'],
    ['+4930123456', { out: 'e164-without-plus' }, '4930123456'],
    ['+4930123456', { out: 'international' }, '004930123456'],
    ['+4930123456', { out: 'national' }, '030123456'],
    ['+12125550100', { out: 'national' }, '0012125550100'],
    ['+4930123456', { out: 'national', rules: [{ strip: '0', add: '90' }] }, '9030123456'],
    [
      '+4930123456',
      {
        rules: [
          { strip: '+1', add: 'x' },
          { strip: '+49', add: '0' },
          { strip: '', add: '9' },
        ],
      },
      '030123456',
    ],
    ['+12125550100', { out: 'e164-without-plus', rules: [{ strip: '', add: '9' }] }, '912125550100'],
    ['110', { out: 'national' }, '110'],
  ])('%s with %j is written as %s', (number, change, expected) => {
    expect(numberOut(number, { ...GERMANY, ...change })).toBe(expected);
  });
});

describe('properties', () => {
  const digits = (min: number, max: number) =>
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map((list) => list.join(''));
  /** A country and a number of it that does not begin like a dialling prefix. */
  const number = fc
    .tuple(fc.constantFrom('1', '49', '39', '44', '7', '972'), fc.integer({ min: 2, max: 9 }), digits(7, 10))
    .map(([country, first, rest]) => `+${country}${String(first)}${rest}`);
  const plan = fc.record<NumberPlan>({
    countryCode: fc.constantFrom('1', '49', '39', '44', '7', '972', null),
    nationalPrefix: fc.constant('0'),
    internationalPrefix: fc.constantFrom('00', '000'),
    out: fc.constantFrom('e164', 'e164-without-plus', 'international', 'national'),
    rules: fc.constant([]),
  });

  it('a number that was written for a carrier is read back as the same', () => {
    fc.assert(
      fc.property(number, plan, (given, by) => {
        expect(numberIn(numberOut(given, by), by)).toBe(given);
      }),
      { numRuns: 2000 },
    );
  });

  it('whatever is sent, reading it never throws, and reading twice changes nothing more', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('+', '0', '1', '9', '-', ' ', 'a') })),
        plan,
        (text, by) => {
          const once = numberIn(text, by);
          if (once.startsWith('+')) expect(numberIn(once, by)).toBe(once);
          expect(numberIn('anonymous', by)).toBe('anonymous');
        },
      ),
    );
  });
});
