import type { LegMedia } from '@hookswitch/shared';
import type { CallRouter, EventSink, Instructions } from '../calls/ports.ts';
import type { Clock, Log, Random } from '../kernel/index.ts';
import type { MediaEngine, RecordingFiles } from '../media/ports.ts';
import type { MediaStreams } from '../media-streams/ports.ts';
import type { UserAgent } from '../sip/index.ts';
import type { CallGuard } from './guards/index.ts';
import type { CallMessages } from './call-messages.ts';
import type { CallTable } from './call-table.ts';
import type { CallObserver, NodeRpc, Registrations, SpeechRecognizer } from './ports.ts';
import type { PhoneService } from './phones/index.ts';
import type { ReferDesk } from './refer-desk.ts';
import type { BridgeRequests } from './requests/index.ts';
import type { QualityReports } from './quality-reports.ts';
import type { SealedTokens } from './sealed-token.ts';
import type { TrunkService } from './trunks/index.ts';

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
  readonly trunks: TrunkService;
  /** Undefined: every call may leave. */
  readonly callGuard?: CallGuard | undefined;
  /** Undefined: there are no SIP phones. */
  readonly phones: PhoneService | undefined;
  readonly observer?: CallObserver;
  readonly tokens: SealedTokens;
  readonly refers: ReferDesk;
  readonly table: CallTable;
  readonly settings: HostSettings;
  readonly quality: QualityReports;
  /** Undefined: nothing can be recorded. */
  readonly recordings?: RecordingFiles | undefined;
  /** Undefined: there are no media streams. */
  readonly streams?: MediaStreams | undefined;
  /** Undefined: speech is not understood. */
  readonly recognizer?: SpeechRecognizer | undefined;
  /** Undefined: there are no bridge requests. */
  readonly requests?: BridgeRequests | undefined;
  readonly messages: CallMessages;
  onCallLost(call: LostCall): void;
  /** Known once the host was started. */
  readonly router: CallRouter;
  /** Requests to application servers; undefined: messages of calls are published and nobody is asked. */
  readonly instructions: Instructions | undefined;
  readonly userAgent: UserAgent;
}
