import ipaddr from 'ipaddr.js';
import type { DirectoryTrunk, TrunkChannelLimits } from './ports.ts';
import type { TrunkRecord } from './records.ts';
import type { SecretBox } from './secret-box.ts';
import { secretContext } from './store.ts';
import { gatewaysOf } from './trunk-record.ts';
import type { TrunkSettings } from './trunk-record.ts';

/** An address and how many of its bits count. */
export type AddressRange = [ipaddr.IPv4 | ipaddr.IPv6, number];

export interface HeldTrunk {
  readonly view: DirectoryTrunk;
  readonly ranges: readonly AddressRange[];
  /** By age. */
  readonly order: string;
}

/** A trunk as the directory keeps it. Its secrets are in clear from here on. */
export function heldTrunk(record: TrunkRecord, secrets: SecretBox): HeldTrunk {
  const { digestUsername, digestSecret, inboundUsername, inboundSecret, channels, settings } = record;
  const credentials = (username: string | null, sealed: string | null, context: string) =>
    username === null || sealed === null ? undefined : { username, secret: secrets.open(sealed, context) };
  return {
    view: {
      sid: record.sid,
      accountSid: record.accountSid,
      name: record.name,
      allow: record.allow,
      inbound: credentials(inboundUsername, inboundSecret, secretContext.inbound(record.sid)),
      gateways: gatewaysOf(record),
      prefixes: settings.prefixes,
      priority: settings.priority,
      cost: settings.cost,
      digest: credentials(digestUsername, digestSecret, secretContext.digest(record.sid)),
      codecs: record.codecs,
      sharing: settings.sharing,
      channels: channelLimits(channels, settings),
      srtp: settings.srtp,
      optionsIntervalS: settings.optionsIntervalS,
      numbers: settings.numbers,
      identity: settings.identity,
      register: settings.register ?? undefined,
      reliableProvisional: settings.reliableProvisional,
      sessionTimer: settings.sessionTimer ?? undefined,
      transfers: settings.transfers,
    },
    ranges: record.allow.map((cidr) => ipaddr.parseCIDR(cidr)),
    order: `${record.createdAt} ${record.sid}`,
  };
}

/** What is shared out is shared out of a total; without one there is enough for everybody. */
function channelLimits(
  total: number | null,
  { channelsIn, channelsOut, keptForCallers, shares }: TrunkSettings,
): TrunkChannelLimits {
  const byAccount = shares.map(
    ({ accountSid, reserved, most }) => [accountSid, { reserved, ...(most === null ? {} : { most }) }] as const,
  );
  return {
    ...(total === null ? {} : { total }),
    ...(channelsIn === null ? {} : { in: channelsIn }),
    ...(channelsOut === null ? {} : { out: channelsOut }),
    ...(total === null || keptForCallers === 0 ? {} : { keptForCallers }),
    ...(total === null || shares.length === 0 ? {} : { shares: Object.fromEntries(byAccount) }),
  };
}
