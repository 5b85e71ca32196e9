import { z } from 'zod';
import { sidSchema } from '@hookswitch/shared';

/**
 * How an account talks with one carrier. Everything that came after the first release has a default, so that records
 * written before still load and mean what they meant: one gateway over UDP, caller in From, no pings.
 */
const token = z.string().regex(/^[\w.!%*+~-]{1,128}$/, 'expected letters, digits and . - _ + only');
const hostName = z
  .string()
  .regex(
    /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?\.?|[0-9A-Fa-f:.]{2,45})$/,
    'expected a host name or an address',
  );
const digits = (max: number) => z.string().regex(new RegExp(`^[0-9]{1,${max}}$`), `expected 1 to ${max} digits`);
const channelCount = z.number().int().min(1).max(100_000).nullable();

export const gatewaySchema = z.object({
  host: hostName.describe('host name, name with SRV records, or address (IPv6 without brackets)'),
  port: z
    .number()
    .int()
    .min(1)
    .max(65_535)
    .nullable()
    .default(null)
    .describe('null: by NAPTR and SRV, else 5060 or 5061'),
  transport: z.enum(['udp', 'tcp', 'tls']).default('udp'),
  priority: z.number().int().min(0).max(65_535).default(0).describe('lowest first, as in SRV records'),
  weight: z.number().int().min(1).max(65_535).default(100).describe('share among gateways of the same priority'),
});

const numberPlanSchema = z.object({
  countryCode: digits(3).nullable().default(null).describe('of national numbers, e.g. 49'),
  nationalPrefix: digits(4).nullable().default(null).describe('before national numbers, e.g. 0'),
  internationalPrefix: digits(5).default('00'),
  out: z.enum(['e164', 'e164-without-plus', 'international', 'national']).default('e164'),
  /** The first rule whose `strip` begins the number is used, after formatting. */
  rules: z
    .array(
      z.object({
        strip: z.string().regex(/^\+?[0-9*#]{0,15}$/),
        add: z.string().regex(/^\+?[0-9*#]{0,15}$/),
      }),
    )
    .max(50)
    .default([]),
});

const trunkIdentitySchema = z.object({
  caller: z.enum(['from', 'p-asserted-identity', 'remote-party-id']).default('from'),
  trusted: z.boolean().default(false).describe('whether the identity headers the carrier sends are believed'),
  fromUser: token.nullable().default(null).describe('user of From in place of the caller'),
  fromDomain: hostName.nullable().default(null),
  toDomain: hostName.nullable().default(null).describe('domain of the Request-URI: the gateway is then a proxy'),
  diversion: z.boolean().default(false).describe('Diversion on calls that are forwarded'),
});

export const registrationSchema = z.object({
  registrar: hostName.nullable().default(null).describe('null: the first gateway'),
  user: token,
  expiresS: z.number().int().min(60).max(86_400).default(3600),
});

const sessionTimerSchema = z.object({
  expiresS: z.number().int().min(90).max(86_400).default(1800),
  minSeS: z.number().int().min(90).max(86_400).default(90),
});

const trunkShareSchema = z.object({
  accountSid: sidSchema('account'),
  reserved: z.int().min(0).max(100_000).default(0).describe('channels that nobody else places calls on'),
  most: z
    .int()
    .min(1)
    .max(100_000)
    .nullable()
    .default(null)
    .describe('calls that it may place at a time; null: as many as there are'),
});

export const trunkSettingsSchema = z.object({
  gateways: z.array(gatewaySchema).max(16).default([]),
  prefixes: z
    .array(z.string().regex(/^\+?[0-9]{1,15}$/))
    .max(200)
    .default([])
    .describe('numbers it serves; none: all'),
  priority: z.int().min(0).max(65_535).default(0).describe('of trunks that serve a number equally well: lowest first'),
  cost: z
    .int()
    .min(0)
    .max(1_000_000_000)
    .default(0)
    .describe('what a minute costs, in a unit of your own: of equal priority the cheapest first'),
  channelsIn: channelCount.default(null),
  channelsOut: channelCount.default(null),
  sharing: z
    .enum(['own', 'subaccounts'])
    .default('own')
    .describe(
      'who may use it: its account alone, or the accounts below it too, for calls to their numbers and for those they place',
    ),
  shares: z
    .array(trunkShareSchema)
    .max(500)
    .refine((all) => new Set(all.map(({ accountSid }) => accountSid)).size === all.length, 'an account is named twice')
    .default([])
    .describe('what accounts are promised of its channels; needs `channels`'),
  keptForCallers: z
    .int()
    .min(0)
    .max(100_000)
    .default(0)
    .describe('of `channels`, so many are kept free of outgoing calls'),
  srtp: z.enum(['off', 'preferred', 'required']).default('off'),
  optionsIntervalS: z
    .union([z.literal(0), z.number().int().min(10).max(3600)])
    .default(0)
    .describe('0: no pings'),
  numbers: numberPlanSchema.prefault({}),
  identity: trunkIdentitySchema.prefault({}),
  register: registrationSchema.nullable().default(null),
  reliableProvisional: z.enum(['off', 'supported', 'required']).default('supported'),
  sessionTimer: sessionTimerSchema.nullable().default(null),
  transfers: z
    .enum(['refuse', 'allow'])
    .default('refuse')
    .describe('REFER of the carrier, unless the application is asked'),
});

export type TrunkGateway = z.infer<typeof gatewaySchema>;
export type NumberPlan = z.infer<typeof numberPlanSchema>;
export type TrunkIdentity = z.infer<typeof trunkIdentitySchema>;
export type TrunkRegistration = z.infer<typeof registrationSchema>;
export type TrunkSettings = z.infer<typeof trunkSettingsSchema>;
export type NewTrunkSettings = z.input<typeof trunkSettingsSchema>;

/** Gateways of a record, also of one from the time when a trunk had a single one over UDP. */
export function gatewaysOf(record: {
  readonly outboundHost: string | null;
  readonly outboundPort: number | null;
  readonly settings: Pick<TrunkSettings, 'gateways'>;
}): readonly TrunkGateway[] {
  const { outboundHost, outboundPort, settings } = record;
  if (settings.gateways.length > 0 || outboundHost === null) return settings.gateways;
  return [
    { host: outboundHost.replace(/^\[(.*)\]$/, '$1'), port: outboundPort, transport: 'udp', priority: 0, weight: 100 },
  ];
}
