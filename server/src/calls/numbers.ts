/** E.164 with its plus sign. */
const E164 = /^\+[0-9]{3,15}$/;

/**
 * A number as carriers write it, in E.164: separators removed, `00` or a missing plus replaced. Anything that is not a
 * number in international form (a name, a short code, `anonymous`) comes back without its separators' guess: unchanged.
 */
export function normaliseNumber(text: string): string {
  const bare = text
    .trim()
    .replace(/^tel:/i, '')
    .replace(/;.*$/, '')
    .replace(/[\s().-]/g, '');
  if (E164.test(bare)) return bare;
  if (/^00[1-9][0-9]{4,14}$/.test(bare)) return `+${bare.slice(2)}`;
  if (/^[1-9][0-9]{6,14}$/.test(bare)) return `+${bare}`;
  return /^[0-9]{2,15}$/.test(bare) ? bare : text.trim();
}

/** Whether a Dial can call it: E.164 or a short code. */
export function isDialable(number: string): boolean {
  return /^\+?[0-9]{2,15}$/.test(number);
}
