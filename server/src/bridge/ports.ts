/**
 * Ports of the bridge: what it needs from the rest of the server besides SIP, media and the call router. The gateway's
 * side of the bridge (front) and the call node's side (host) meet only through these: `Registrations`, `Notifications`
 * and `NodeRpc`. They work in one process and in several alike.
 */
import type { HookswitchEvent } from '@hookswitch/shared';
import type { Unsubscribe } from '../kernel/index.ts';

/** A device that can be rung. */
export interface Registration {
  readonly accountSid: string;
  readonly identity: string;
  /** Unique within the account; chosen by the front, kept over reconnects. */
  readonly registration: string;
  /** Gateway node that holds the connection. */
  readonly node: string;
  /** Connection that holds the registration, or held it last while the device reconnects. */
  readonly connection: string;
  /** A name an agent recognises. */
  readonly device: string | undefined;
  /** When the device first registered, epoch milliseconds. */
  readonly since: number;
}

/** Names one registration. */
export type RegistrationKey = Pick<Registration, 'accountSid' | 'identity' | 'registration'>;

export type RegistrationChange =
  | { readonly kind: 'put'; readonly registration: Registration }
  | { readonly kind: 'removed'; readonly registration: RegistrationKey };

/**
 * Where device registrations are kept. Writes of one process are seen by its own later reads; those of other processes
 * follow within the bus's delay. Methods reject only when the store cannot be reached.
 */
export interface Registrations {
  /** Adds or replaces; a replaced one (same key) is how a device moves to a new connection. */
  put(registration: Registration): Promise<void>;
  get(key: RegistrationKey): Promise<Registration | undefined>;
  /** Removes it if `connection` still holds it, atomically: a device that has moved on keeps its registration. */
  remove(key: RegistrationKey, connection: string): Promise<boolean>;
  /**
   * Registrations a target names, oldest first. `alice` is that identity alone, `support/tier1/*` every identity below
   * `support/tier1` at any depth (not `support/tier1` itself).
   */
  find(accountSid: string, target: string): Promise<readonly Registration[]>;
  /**
   * Changes to registrations of a target from now on, in order per registration. The listener must not throw. `ready`
   * resolves when no later change can be missed.
   */
  watch(
    accountSid: string,
    target: string,
    listener: (change: RegistrationChange) => void,
  ): { readonly ready: Promise<void>; close(): void };
}

/** Live events of the hub. app/ wires it to the hub, so that incoming calls and cancels travel over the bus. */
export interface Notifications {
  /**
   * Events published on topics that match from now on; no history. `ready` resolves when an event published later
   * cannot be missed, and rejects when the subscription failed.
   */
  subscribe(
    accountSid: string,
    topicPattern: string,
    onEvent: (event: HookswitchEvent) => void,
  ): { readonly ready: Promise<void>; close(): void };
}

/**
 * Requests between nodes, answered by one handler of the node named. Payloads are JSON values and copied on the way.
 * Order is kept between requests that one node sends to another one without waiting.
 */
export interface NodeRpc {
  /** Name of this node: letters, digits, `_` and `-`. */
  readonly node: string;
  /** One handler a method. A handler that rejects is logged and answered `failed`. */
  serve(method: string, handler: (payload: unknown) => Promise<unknown>): Unsubscribe;
  /** Bounded in time (default 5 s). @throws NodeRpcError */
  request(node: string, method: string, payload: unknown): Promise<unknown>;
}

/** A way out to the PSTN for one number. */
export interface OutboundTrunk {
  readonly trunkSid: string;
  /** Where the INVITE goes: host name or IP literal, and UDP port. */
  readonly host: string;
  readonly port: number;
  /** User part of the From URI in place of the caller (trunks that accept only their own number). */
  readonly fromUser?: string;
  /** Host part of the From URI (default: the address SIP is announced with). */
  readonly fromHost?: string;
  readonly credentials?: { readonly username: string; readonly password: string };
  /** In order of preference. */
  readonly codecs: readonly ('PCMU' | 'PCMA')[];
}

/** Which trunk serves a number. Synchronous: answered from the mirrored configuration. */
export interface Trunks {
  outbound(query: {
    readonly accountSid: string;
    readonly number: string;
    readonly from: string;
  }): OutboundTrunk | undefined;
}
