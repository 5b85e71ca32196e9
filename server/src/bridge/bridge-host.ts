import type { LegMedia } from '@hookswitch/shared';
import type { CallRouter, CallTies, ConferenceMedia, EventSink, Instructions, Legs } from '../calls/ports.ts';
import type { Clock, Log, Metrics, Random, Unsubscribe } from '../kernel/index.ts';
import type { MediaEngine, RecordingFiles } from '../media/ports.ts';
import type { MediaStreams } from '../media-streams/ports.ts';
import { DigestServer, parseReplaces } from '../sip/index.ts';
import type { BindingStore, UserAgent, UserAgentHandlers } from '../sip/index.ts';
import type { CallGuard } from './guards/index.ts';
import { CallMessages } from './call-messages.ts';
import { CallTable } from './call-table.ts';
import { ConferenceAudio, TieDesk } from './conferences/index.ts';
import { DeviceRequests } from './device-requests.ts';
import type { HostContext } from './host-context.ts';
import { BridgeLegs } from './legs.ts';
import { PhoneService } from './phones/index.ts';
import type { PhoneConfiguration } from './phones/index.ts';
import type { CallObserver, NodeRpc, Registrations, SpeechRecognizer } from './ports.ts';
import {
  callMessageRequestSchema,
  detachedSchema,
  deviceRequestSchema,
  phonesSchema,
  RPC,
  tieRequestSchema,
  testTrunkSchema,
} from './rpc-messages.ts';
import type { Capabilities } from './rpc-messages.ts';
import { QualityReports } from './quality-reports.ts';
import { ReferDesk } from './refer-desk.ts';
import type { BridgeRequests } from './requests/index.ts';
import { SealedTokens } from './sealed-token.ts';
import { SipIngress } from './sip-ingress.ts';
import { IngressPolicy, ScannerGuard, TrunkService, trunkMetrics } from './trunks/index.ts';
import type { ChannelSource, ScannerGuardOptions, TrunkDirectory } from './trunks/index.ts';
import type { SipContext } from './sip-ingress.ts';
import { WorkerDeaths } from './worker-deaths.ts';

export interface BridgeHostOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Not owned: close it after the host. */
  readonly media: MediaEngine;
  readonly events: EventSink;
  readonly registrations: Registrations;
  /** Its node name is the routing hint in notifications. */
  readonly rpc: NodeRpc;
  readonly trunks: TrunkDirectory;
  /** Default: every call may leave. */
  readonly callGuard?: CallGuard | undefined;
  /** Callers are refused with 503 while there are as many legs (default: no limit). */
  readonly mostLegs?: number | undefined;
  /** Default: limits of trunks are counted on this node alone. */
  readonly channels?: ChannelSource | undefined;
  /** How strangers are treated (default: refused, a few at a time). */
  readonly strangers?: Omit<ScannerGuardOptions, 'clock'>;
  /** SIP phones: who may register, and where their registrations are kept, which is not owned (default: none). */
  readonly phones?: { readonly configuration: PhoneConfiguration; readonly bindings: BindingStore };
  /** Default: a registry that nobody reads. */
  readonly metrics?: Metrics;
  /** Looks on (default nobody). */
  readonly observer?: CallObserver;
  /** Host part of From URIs of calls placed by this node, IPv6 in brackets. */
  readonly sipAddress: string;
  /** STUN and TURN servers for devices (default none). */
  readonly iceServers?: LegMedia['iceServers'];
  /** Where recordings go (default: nothing is recorded). */
  readonly recordings?: RecordingFiles | undefined;
  /** Media streams to applications (default: none). */
  readonly streams?: MediaStreams | undefined;
  /** Who understands speech (default: nobody). */
  readonly recognizer?: SpeechRecognizer | undefined;
  /** What clients may answer by a call of theirs (default: nothing). */
  readonly requests?: BridgeRequests | undefined;
  /** Time a device may be away before its leg ends, milliseconds (default 30 000). */
  readonly graceMs?: number;
  /** Silence of an answered leg's party that ends it, milliseconds (default 60 000). */
  readonly mediaTimeoutMs?: number;
  /** Between two reports of a merged leg's quality, milliseconds (default 10 000). */
  readonly qualityIntervalMs?: number;
}

/** What the host is started with. */
export interface StartParts {
  readonly router: CallRouter;
  readonly userAgent: UserAgent;
  /** Who asks application servers about messages of calls (default: nobody). */
  readonly instructions?: Instructions;
}

/**
 * The call node's side of the bridge: takes calls from SIP and from devices, holds their legs, merges them.
 *
 * Wiring: create it, give `legs` to the call router and `sipHandlers` to the SIP user agent, then `start` it with both.
 * Before `start` and after `close` calls are refused with 503.
 */
export interface BridgeHost {
  readonly legs: Legs;
  /** The audio of the conferences that this node owns. */
  readonly conferences: ConferenceMedia;
  /** Audio between calls. */
  readonly ties: CallTies;
  readonly sipHandlers: UserAgentHandlers<SipContext>;
  /** Registrations of SIP phones; undefined without them. */
  readonly phones: Pick<PhoneService, 'registrar'> | undefined;
  readonly trunks: Pick<TrunkService, 'facts' | 'reserve'>;
  /** Living legs, what is remembered of living calls, channels of trunks in use; 0 when idle. */
  readonly residue: number;
  start(parts: StartParts): void;
  /** Before the SIP user agent closes: takes registrations at carriers back. Bounded in time. */
  drain(): Promise<void>;
  /** Ends every leg with cause `shutdown` and stops serving. Idempotent. */
  close(): void;
}

const GRACE_MS = 30_000;
const MEDIA_TIMEOUT_MS = 60_000;
const QUALITY_INTERVAL_MS = 10_000;

export function createBridgeHost(options: BridgeHostOptions): BridgeHost {
  return new Host(options);
}

class Host implements BridgeHost {
  readonly legs: Legs;
  readonly conferences: ConferenceAudio;
  readonly ties: TieDesk;
  readonly sipHandlers: SipIngress;
  readonly #table = new CallTable();
  readonly #context: HostContext;
  readonly #messages: CallMessages;
  readonly #deaths: WorkerDeaths;
  readonly #served: Unsubscribe[] = [];
  #parts: StartParts | undefined;

  constructor(options: BridgeHostOptions) {
    const { clock, random, log, events, rpc } = options;
    this.#deaths = new WorkerDeaths(options.media, { node: rpc.node, clock, log, events });
    const started = (): StartParts => {
      if (this.#parts === undefined) throw new Error('the bridge host was used before start()');
      return this.#parts;
    };
    const trunks = new TrunkService({
      directory: options.trunks,
      clock,
      random,
      log,
      events,
      metrics: trunkMetrics(options.metrics),
      channels: options.channels,
    });
    const guard = new ScannerGuard({ ...options.strangers, clock });
    const phones =
      options.phones === undefined
        ? undefined
        : new PhoneService({ ...options.phones, clock, random, log, events, node: rpc.node, guard });
    const messages = (): CallMessages => this.#messages;
    this.#context = {
      ...options,
      phones,
      trunks,
      tokens: new SealedTokens({ node: rpc.node, clock, random }),
      refers: new ReferDesk({ random, log }),
      table: this.#table,
      quality: new QualityReports({ clock, events, intervalMs: options.qualityIntervalMs ?? QUALITY_INTERVAL_MS }),
      settings: {
        graceMs: options.graceMs ?? GRACE_MS,
        mediaTimeoutMs: options.mediaTimeoutMs ?? MEDIA_TIMEOUT_MS,
        iceServers: options.iceServers ?? [],
        sipAddress: options.sipAddress,
      },
      onCallLost: (call) => {
        this.#deaths.callLost(call);
      },
      get messages() {
        return messages();
      },
      get instructions() {
        return started().instructions;
      },
      get router() {
        return started().router;
      },
      get userAgent() {
        return started().userAgent;
      },
    };
    this.#messages = new CallMessages(this.#context);
    this.legs = new BridgeLegs(this.#context);
    this.ties = new TieDesk(this.#context);
    this.conferences = new ConferenceAudio(this.#context, this.ties);
    const gate = (): boolean => this.#served.length > 0;
    const policy = new IngressPolicy({
      gate,
      hasRoom: () => options.media.counts.legs < (options.mostLegs ?? Infinity),
      trunks,
      guard,
      digest: new DigestServer({ random }),
      clock,
      phones,
      accountOfReplaced: (replaces) => {
        const dialog = parseReplaces(replaces);
        return dialog === undefined ? undefined : this.#table.ofDialog(dialog)?.core.call.accountSid;
      },
      router: () => this.#context.router,
    });
    this.sipHandlers = new SipIngress(this.#context, { gate, policy });
  }

  get phones(): PhoneService | undefined {
    return this.#context.phones;
  }

  get trunks(): TrunkService {
    return this.#context.trunks;
  }

  get residue(): number {
    return (
      this.#table.residue +
      this.#context.trunks.channelsInUse +
      this.#context.refers.size +
      this.#messages.size +
      this.ties.size
    );
  }

  start(parts: StartParts): void {
    this.#parts = parts;
    this.#context.trunks.start(parts.userAgent);
    this.#context.phones?.start(parts.userAgent);
    const requests = new DeviceRequests(this.#context);
    const { rpc } = this.#context;
    this.#served.push(
      rpc.serve(RPC.device, async (payload) => requests.handle(deviceRequestSchema.parse(payload))),
      rpc.serve(RPC.detached, (payload) => {
        const { callSid, connection } = detachedSchema.parse(payload);
        requests.detached(callSid, connection);
        return Promise.resolve({});
      }),
      rpc.serve(RPC.tie, (payload) => this.ties.handle(tieRequestSchema.parse(payload))),
      rpc.serve(RPC.messages, async (payload) => this.#messages.handle(callMessageRequestSchema.parse(payload))),
      rpc.serve(RPC.testTrunk, async (payload) => ({
        test: await this.#context.trunks.test(testTrunkSchema.parse(payload).trunkSid),
      })),
      rpc.serve(RPC.phones, (payload) => {
        const { accountSid } = phonesSchema.parse(payload);
        return Promise.resolve({ phones: this.#context.phones?.list(accountSid) ?? [] });
      }),
      rpc.serve(RPC.capabilities, () => {
        const { media, settings } = this.#context;
        const capabilities: Capabilities = {
          rtpCapabilities: { ...media.rtpCapabilities },
          iceServers: settings.iceServers,
        };
        return Promise.resolve(capabilities);
      }),
    );
  }

  drain(): Promise<void> {
    return this.#context.trunks.drain();
  }

  close(): void {
    for (const stop of this.#served.splice(0)) stop();
    for (const leg of this.#table.all()) leg.end({ cause: 'shutdown', message: 'the server is shutting down' });
    this.#context.trunks.close();
    this.#context.phones?.close();
    this.#context.quality.close();
    this.#deaths.close();
  }
}
