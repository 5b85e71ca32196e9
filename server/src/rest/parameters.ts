import { z } from 'zod';
import { SID_PREFIXES, isSid } from '@hookswitch/shared';
import type { SidKind } from '@hookswitch/shared';
import type { RestReason } from './codes.ts';

/** An issue with a code of its own: see `toRestError`. */
const as = (reason: RestReason, error: string): { error: string; params: { reason: RestReason } } => ({
  error,
  params: { reason },
});

/** A sid in a path. One that is none leads to 404, as one that does not exist. */
export function sid(kind: SidKind): z.ZodType<string, string> {
  return z.string().regex(new RegExp(`^${SID_PREFIXES[kind]}[0-9a-f]{32}$`));
}

/** Path of what belongs to an account. */
export const accountPath = z.object({ AccountSid: sid('account') });

/** An HTTP address; empty: none. */
export const urlParameter = z
  .string()
  .max(2048)
  .trim()
  .refine((text) => text === '' || isHttpUrl(text), as('invalidUrl', 'expected an http or https URL'))
  .optional();

/** Where instructions are asked for: HTTP, or a WebSocket that stays open; empty: none. */
export const instructionUrlParameter = z
  .string()
  .max(2048)
  .trim()
  .refine(
    (text) => text === '' || isHttpUrl(text.replace(/^ws(s?):/i, 'http$1:')),
    as('invalidUrl', 'expected an http, https, ws or wss URL'),
  )
  .optional();

export const methodParameter = z.enum(['GET', 'POST'], { error: 'expected GET or POST' }).optional();

export const nameParameter = z.string().trim().max(64).optional().describe('Up to 64 characters');

/** Empty: none. */
export const applicationParameter = z
  .string()
  .refine((text) => text === '' || isSid('application', text), as('invalidApplication', 'expected an application sid'))
  .optional();

/** E.164; blanks, dots, dashes and parentheses are ignored. */
export const numberParameter = z
  .string()
  .max(40)
  .transform((text) => text.replace(/[\s().-]/g, ''))
  .refine((text) => /^\+[0-9]{3,15}$/.test(text), as('invalidNumber', 'expected an E.164 number such as +15550100'));

function isHttpUrl(text: string): boolean {
  const protocol = URL.parse(text)?.protocol;
  return protocol === 'http:' || protocol === 'https:';
}
