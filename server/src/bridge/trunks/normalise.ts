import type { NumberPlan } from './ports.ts';

const E164 = /^\+[0-9]{3,15}$/;
/** Shorter ones are short codes or extensions: they belong to no country. */
const LEAST_SUBSCRIBER_DIGITS = 7;
/** Longest national number without a national prefix before a leading country code is believed. */
const MOST_NATIONAL_DIGITS = 10;
/** What is sent in place of a number that is withheld. */
const WITHHELD = new Set(['', 'anonymous', 'restricted', 'unavailable', 'unknown', 'private', 'asserted-id']);

/** The caller of a call whose number is withheld or not known. */
export const ANONYMOUS = 'anonymous';

/** Whether a text is a number in international form. */
export function isE164(text: string): boolean {
  return E164.test(text);
}

/**
 * A number as the trunk's carrier sends it, in E.164. Short codes and names come back unchanged, a withheld number as
 * `anonymous`. What is not in international form is read by the trunk's plan; without one only `+`, `00` and complete
 * numbers without their plus are understood.
 */
export function numberIn(text: string, plan: NumberPlan): string {
  const bare = withoutSeparators(text);
  if (WITHHELD.has(bare.toLowerCase())) return ANONYMOUS;
  if (E164.test(bare)) return bare;
  if (!/^[0-9]{2,20}$/.test(bare)) return text.trim();
  return fromDigits(bare, plan) ?? bare;
}

function withoutSeparators(text: string): string {
  return text
    .trim()
    .replace(/^tel:/i, '')
    .replace(/;.*$/, '')
    .replace(/(?<=[0-9+(])[\s().-]+|[\s().-]+(?=[0-9])/g, '');
}

function fromDigits(digits: string, plan: NumberPlan): string | undefined {
  const { countryCode, nationalPrefix, internationalPrefix } = plan;
  const international = (rest: string): string | undefined => (E164.test(`+${rest}`) ? `+${rest}` : undefined);
  const isLong = digits.length >= LEAST_SUBSCRIBER_DIGITS;
  if (digits.startsWith(internationalPrefix)) return international(digits.slice(internationalPrefix.length));
  if (!isLong) return undefined;
  // A carrier that takes numbers without plus sends them so too.
  if (plan.out === 'e164-without-plus' && !digits.startsWith('0')) return international(digits);
  if (countryCode === null) return digits.startsWith('0') ? undefined : international(digits);
  if (nationalPrefix !== null) {
    if (digits.startsWith(nationalPrefix)) return international(countryCode + digits.slice(nationalPrefix.length));
    return international(digits);
  }
  const hasCountry = digits.startsWith(countryCode) && digits.length > MOST_NATIONAL_DIGITS;
  return international(hasCountry ? digits : countryCode + digits);
}

/** A number as the trunk's carrier wants it. What is no E.164 number (a short code) is left, then the rules apply. */
export function numberOut(number: string, plan: NumberPlan): string {
  const formatted = E164.test(number) ? format(number.slice(1), plan) : number;
  const rule = plan.rules.find(({ strip }) => formatted.startsWith(strip));
  return rule === undefined ? formatted : rule.add + formatted.slice(rule.strip.length);
}

function format(digits: string, plan: NumberPlan): string {
  const { countryCode, nationalPrefix, internationalPrefix } = plan;
  switch (plan.out) {
    case 'e164':
      return `+${digits}`;
    case 'e164-without-plus':
      return digits;
    case 'international':
      return internationalPrefix + digits;
    case 'national':
      return countryCode !== null && digits.startsWith(countryCode)
        ? (nationalPrefix ?? '') + digits.slice(countryCode.length)
        : internationalPrefix + digits;
  }
}
