import type { LegMedia } from '@hookswitch/shared';
import type { CallRouter, EventSink, Legs } from '../calls/ports.ts';
import type { Clock, Log, Random, Unsubscribe } from '../kernel/index.ts';
import type { MediaEngine } from '../media/ports.ts';
import type { UserAgent, UserAgentHandlers } from '../sip/index.ts';
import { CallTable } from './call-table.ts';
import { DeviceRequests } from './device-requests.ts';
import type { HostContext } from './host-context.ts';
import { BridgeLegs } from './legs.ts';
import type { NodeRpc, Registrations, Trunks } from './ports.ts';
import { detachedSchema, deviceRequestSchema, RPC } from './rpc-messages.ts';
import type { Capabilities } from './rpc-messages.ts';
import { SealedTokens } from './sealed-token.ts';
import { SipIngress } from './sip-ingress.ts';
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
  readonly trunks: Trunks;
  /** Host part of From URIs of calls placed by this node, IPv6 in brackets. */
  readonly sipAddress: string;
  /** STUN and TURN servers for devices (default none). */
  readonly iceServers?: LegMedia['iceServers'];
  /** Time a device may be away before its leg ends, milliseconds (default 30 000). */
  readonly graceMs?: number;
  /** Silence of an answered leg's party that ends it, milliseconds (default 60 000). */
  readonly mediaTimeoutMs?: number;
}

/**
 * The call node's side of the bridge: takes calls from SIP and from devices, holds their legs, merges them.
 *
 * Wiring: create it, give `legs` to the call router and `sipHandlers` to the SIP user agent, then `start` it with both.
 * Before `start` and after `close` calls are refused with 503.
 */
export interface BridgeHost {
  readonly legs: Legs;
  readonly sipHandlers: UserAgentHandlers<SipContext>;
  /** Living legs and what is remembered of living calls; 0 when idle. */
  readonly residue: number;
  start(parts: { readonly router: CallRouter; readonly userAgent: UserAgent }): void;
  /** Ends every leg with cause `shutdown` and stops serving. Idempotent. */
  close(): void;
}

const GRACE_MS = 30_000;
const MEDIA_TIMEOUT_MS = 60_000;

export function createBridgeHost(options: BridgeHostOptions): BridgeHost {
  return new Host(options);
}

interface StartParts {
  readonly router: CallRouter;
  readonly userAgent: UserAgent;
}

class Host implements BridgeHost {
  readonly legs: Legs;
  readonly sipHandlers: SipIngress;
  readonly #table = new CallTable();
  readonly #context: HostContext;
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
    this.#context = {
      ...options,
      tokens: new SealedTokens({ node: rpc.node, clock, random }),
      table: this.#table,
      settings: {
        graceMs: options.graceMs ?? GRACE_MS,
        mediaTimeoutMs: options.mediaTimeoutMs ?? MEDIA_TIMEOUT_MS,
        iceServers: options.iceServers ?? [],
        sipAddress: options.sipAddress,
      },
      onCallLost: (call) => {
        this.#deaths.callLost(call);
      },
      get router() {
        return started().router;
      },
      get userAgent() {
        return started().userAgent;
      },
    };
    this.legs = new BridgeLegs(this.#context);
    this.sipHandlers = new SipIngress(this.#context, () => this.#served.length > 0);
  }

  get residue(): number {
    return this.#table.residue;
  }

  start(parts: StartParts): void {
    this.#parts = parts;
    const requests = new DeviceRequests(this.#context);
    const { rpc } = this.#context;
    this.#served.push(
      rpc.serve(RPC.device, async (payload) => requests.handle(deviceRequestSchema.parse(payload))),
      rpc.serve(RPC.detached, (payload) => {
        const { callSid, connection } = detachedSchema.parse(payload);
        requests.detached(callSid, connection);
        return Promise.resolve({});
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

  close(): void {
    for (const stop of this.#served.splice(0)) stop();
    for (const leg of this.#table.all()) leg.end({ cause: 'shutdown', message: 'the server is shutting down' });
    this.#deaths.close();
  }
}
