import { RestError } from './errors.ts';

/** Parameters in one body; more are refused. */
const MAX_PARAMETERS = 1000;

/** A form (application/x-www-form-urlencoded): repeated parameters become an array, in their order. @throws RestError */
export function parseForm(text: string): Record<string, string | string[]> {
  // Without a prototype: a parameter `__proto__` is a name like any other.
  const form = Object.create(null) as Record<string, string | string[]>;
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    count += 1;
    if (count > MAX_PARAMETERS) throw new RestError('badRequest', `More than ${MAX_PARAMETERS} parameters`);
    const before = form[name];
    if (before === undefined) form[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else form[name] = [before, value];
  }
  return form;
}
