import type { Unsubscribe } from '../../kernel/index.ts';
import type { DirectoryTrunk } from '../../tenants/ports.ts';

/** One carrier, as configured: of one account, which those below it may use when it says so. */
export type Trunk = DirectoryTrunk;
export type TrunkGateway = Trunk['gateways'][number];
export type NumberPlan = Trunk['numbers'];

/** Where the channels of a trunk with a limit come from, when several nodes share it. */
export interface ChannelSource {
  /** @returns what gives the channel back, idempotent; undefined: there is none, or nobody can say */
  take(
    trunkSid: string,
    call: { readonly accountSid: string; readonly direction: 'in' | 'out' },
    limits: Trunk['channels'],
  ): Promise<(() => void) | undefined>;
}

/** The trunks there are, from the mirrored configuration: synchronous. The directory of tenants/ is one. */
export interface TrunkDirectory {
  /** Oldest first; when an account is given those that it may use, its own first. */
  trunks(accountSid?: string): readonly Trunk[];
  trunk(sid: string): Trunk | undefined;
  /** Default: no account belongs to another one. */
  accountBySid?(sid: string): { readonly ownerSid: string | undefined } | undefined;
  /** Trunks that allow this address, closest range first. */
  trunksBySourceIp(ip: string): readonly Trunk[];
  /** Trunks whose carrier presents this digest user. */
  trunksByInboundUser(username: string): readonly Trunk[];
  /** Called after each change of the configuration. */
  onChange(listener: (change: { readonly kind: string; readonly sid: string }) => void): Unsubscribe;
}
