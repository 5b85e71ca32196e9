import { z } from 'zod';
import { TenantError } from './errors.ts';
import { trunkRecordSchema } from './records.ts';
import type { TrunkRecord } from './records.ts';
import { trunkSettingsSchema } from './trunk-record.ts';
import type { NewTrunkSettings, TrunkSettings } from './trunk-record.ts';

const trunk = trunkRecordSchema.shape;
/** In clear; stored sealed. */
const secret = z.string().min(1).max(256).nullable();

/** What a trunk is made of. */
export const newTrunkSchema = z.object({
  name: trunk.name,
  allow: trunk.allow.default([]),
  inboundUsername: trunk.inboundUsername,
  inboundSecret: secret.default(null),
  digestUsername: trunk.digestUsername.default(null),
  digestSecret: secret.default(null),
  codecs: trunk.codecs.default(['PCMU', 'PCMA']),
  channels: trunk.channels.default(null),
  settings: trunkSettingsSchema.prefault({}),
});
export type NewTrunk = z.input<typeof newTrunkSchema>;

/** The members that changes may have, without defaults: what is left out stays as it is. */
export const trunkChangesSchema = z
  .object({
    name: trunk.name,
    allow: trunk.allow,
    inboundUsername: trunk.inboundUsername.unwrap(),
    inboundSecret: secret,
    digestUsername: trunk.digestUsername,
    digestSecret: secret,
    codecs: trunk.codecs,
    channels: trunk.channels,
    settings: settingsChangesSchema(),
  })
  .partial();

/** Members left out stay as they are, those of `settings` too; secrets in clear. */
export type TrunkChanges = Partial<Omit<NewTrunk, 'settings'>> & { readonly settings?: Partial<NewTrunkSettings> };

function settingsChangesSchema(): z.ZodType<Partial<NewTrunkSettings>> {
  const bare = Object.entries(trunkSettingsSchema.shape).map(([name, member]): [string, z.ZodType] => [
    name,
    member.unwrap(),
  ]);
  return z.strictObject(Object.fromEntries(bare)).partial();
}

type TrunkValues = z.infer<typeof newTrunkSchema>;

/** What the members say together. @throws TenantError `invalid` */
export function checkTrunk(values: Omit<TrunkValues, 'name' | 'allow' | 'codecs'>): void {
  const invalid = (problem: string): never => {
    throw new TenantError('invalid', problem);
  };
  if ((values.digestUsername === null) !== (values.digestSecret === null)) {
    invalid('a trunk needs digest user and secret together, or neither');
  }
  if ((values.inboundUsername === null) !== (values.inboundSecret === null)) {
    invalid('a trunk needs inbound user and secret together, or neither');
  }
  const { register, gateways, sessionTimer, shares, keptForCallers, channelsOut } = values.settings;
  const reserved = shares.reduce((sum, share) => sum + share.reserved, 0);
  const promised = reserved + keptForCallers;
  if (values.channels === null && shares.length + keptForCallers > 0) {
    invalid('shares and keptForCallers are parts of a number of channels: set channels too');
  }
  if (reserved > (channelsOut ?? Infinity)) {
    invalid(`${reserved} channels are reserved for outgoing calls, and the trunk places ${channelsOut ?? 0} at a time`);
  }
  if (promised > (values.channels ?? Infinity)) {
    invalid(`${promised} channels are reserved and kept for callers, and the trunk has ${values.channels ?? 0}`);
  }
  if (register !== null && register.registrar === null && gateways.length === 0) {
    invalid('a trunk that registers needs a registrar or a gateway');
  }
  if (register !== null && values.digestUsername === null) {
    invalid('a trunk that registers needs digest user and secret');
  }
  if (sessionTimer !== null && sessionTimer.minSeS > sessionTimer.expiresS) {
    invalid('the least session interval (minSeS) is above the one asked for (expiresS)');
  }
}

/** A record's members with changes applied, as for a new trunk; a stored secret counts as given. */
export function changedTrunk(
  record: TrunkRecord,
  changes: TrunkChanges,
): { values: NewTrunk; settings: TrunkSettings } {
  const { settings, ...others } = changes;
  const merged = { ...record.settings, ...defined(settings ?? {}) };
  const { name, allow, codecs, channels, inboundUsername, inboundSecret, digestUsername, digestSecret } = record;
  const kept = { name, allow, codecs, channels, inboundUsername, inboundSecret, digestUsername, digestSecret };
  return { values: { ...kept, ...defined(others), settings: merged }, settings: merged as TrunkSettings };
}

/** A member given as undefined means: leave it. */
export function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
