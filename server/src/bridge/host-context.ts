import type { LegMedia } from '@hookswitch/shared';
import type { CallRouter, EventSink } from '../calls/ports.ts';
import type { Clock, Log, Random } from '../kernel/index.ts';
import type { MediaEngine } from '../media/ports.ts';
import type { UserAgent } from '../sip/index.ts';
import type { CallTable } from './call-table.ts';
import type { NodeRpc, Registrations, Trunks } from './ports.ts';
import type { SealedTokens } from './sealed-token.ts';

/** Numbers and addresses of the host, defaults filled in. */
export interface HostSettings {
  /** Time a device may be away before its leg ends with `connection-lost`, milliseconds. */
  readonly graceMs: number;
  /** Silence of an answered leg's party that ends it with `media-timeout`, milliseconds. */
  readonly mediaTimeoutMs: number;
  /** STUN and TURN servers handed to devices. */
  readonly iceServers: LegMedia['iceServers'];
  /** Where SIP is reached: host part of the From URI of calls placed by this node. */
  readonly sipAddress: string;
}

/** A call that ended with its media worker. */
export interface LostCall {
  readonly accountSid: string;
  readonly callSids: readonly string[];
}

/** What every part of the call node's side works with. Lives as long as the host. */
export interface HostContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly media: MediaEngine;
  readonly events: EventSink;
  readonly registrations: Registrations;
  readonly rpc: NodeRpc;
  readonly trunks: Trunks;
  readonly tokens: SealedTokens;
  readonly table: CallTable;
  readonly settings: HostSettings;
  onCallLost(call: LostCall): void;
  /** Known once the host was started. */
  readonly router: CallRouter;
  readonly userAgent: UserAgent;
}
