import { z } from 'zod';

/** Digits after the `+` of E.164, the country code first. */
const prefix = z.string().regex(/^\+?[1-9]\d{0,14}$/, 'expected the first digits of a number, as +4930');
const count = z.int().min(0).max(1_000_000_000);

/**
 * What guards an account against calls that somebody else makes at its cost: where its calls may go, what they cost, and how much
 * may be spent. Amounts are in one unit of money of the operator's choice, the same in all prices and caps.
 */
export const accountGuardsSchema = z.object({
  allowed: z.array(prefix).max(1000).describe('calls go to numbers that begin with one of these only; empty: to all'),
  blocked: z
    .array(prefix)
    .max(1000)
    .describe('and to none that begin with one of these; the longest of both lists decides'),
  highRisk: z
    .enum(['blocked', 'open'])
    .describe(
      'satellite, international premium and premium numbers (docs/guards.md): blocked, unless a longer prefix allows one',
    ),
  prices: z
    .record(prefix, count)
    .refine((prices) => Object.keys(prices).length <= 5000, 'at most 5000 prefixes')
    .describe('price of each minute that begins, by the longest prefix'),
  defaultPrice: count.describe('price of each minute to any other number'),
  callsPerMinute: count.describe('calls that leave by trunks in a minute; 0: any number'),
  spendPerHour: count.describe('most that calls may cost in an hour of the clock (UTC); 0: any amount'),
  spendPerDay: count.describe('most that calls may cost in a day (UTC); 0: any amount'),
});
export type AllAccountGuards = Readonly<z.infer<typeof accountGuardsSchema>>;

/** An account's own guards; what is left out is its owner's, and at last the default. */
export const ownGuardsSchema = accountGuardsSchema.partial();
export type AccountGuards = Readonly<z.infer<typeof ownGuardsSchema>>;

const DEFAULT_ACCOUNT_GUARDS: AllAccountGuards = {
  allowed: [],
  blocked: [],
  highRisk: 'blocked',
  prices: {},
  defaultPrice: 0,
  callsPerMinute: 0,
  spendPerHour: 0,
  spendPerDay: 0,
};

/** @param chain the guards of the account itself, then of its owner, and so on */
function effectiveGuards(chain: readonly (AccountGuards | undefined)[]): AllAccountGuards {
  return Object.assign({}, DEFAULT_ACCOUNT_GUARDS, ...chain.toReversed().map((own) => own ?? {})) as AllAccountGuards;
}

interface Guarded {
  readonly guards?: AccountGuards | undefined;
  readonly ownerSid?: string | null | undefined;
}

/** No account has as many owners above it: what is deeper is a loop. */
const DEEPEST = 20;

/** The account's own guards over those of its owner, and over the defaults. */
export function guardsInForce(
  directory: { accountBySid(sid: string): Guarded | undefined },
  account: Guarded | undefined,
): AllAccountGuards {
  const chain: (AccountGuards | undefined)[] = [];
  for (let at = account; at !== undefined && chain.length < DEEPEST;) {
    chain.push(at.guards);
    at = typeof at.ownerSid === 'string' ? directory.accountBySid(at.ownerSid) : undefined;
  }
  return effectiveGuards(chain);
}
