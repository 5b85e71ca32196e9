/**
 * Ports of the bridge: what it needs from the rest of the server besides SIP, media and the call router. The gateway's
 * side of the bridge (front) and the call node's side (host) meet only through these: `Registrations`, `Notifications`
 * and `NodeRpc`. They work in one process and in several alike.
 */
import type { DeviceState, HookswitchEvent } from '@hookswitch/shared';
import type { Unsubscribe } from '../kernel/index.ts';
import type { Leg } from '../media/ports.ts';

export type * from './requests/ports.ts';

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
  /** Undefined: available. */
  readonly state?: DeviceState | undefined;
}

/** Understands speech. Implemented by media-layer/. */
export interface SpeechRecognizer {
  /** What was said in these samples at 8 kHz; an empty text when nothing was understood. Bounded in time; never rejects. */
  recognise(request: {
    readonly accountSid: string;
    readonly samples: Int16Array;
    /** BCP 47. */
    readonly language: string;
    /** Words and phrases to expect; when there are any, nothing else has to be understood. */
    readonly hints: readonly string[];
  }): Promise<
    | { readonly ok: true; readonly text: string; /** 0 to 1. */ readonly confidence: number }
    | { readonly ok: false; readonly message: string }
  >;
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
  /** Registrations of identities that begin with `prefix` (empty: all), oldest first. */
  list(accountSid: string, prefix: string): Promise<readonly Registration[]>;
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
  /** @param timeoutMs default 5000. @throws NodeRpcError */
  request(node: string, method: string, payload: unknown, timeoutMs?: number): Promise<unknown>;
}

/** What an application asks about the messages of a call. `callSid` is any leg of the account. */
export type CallMessageRequest = { readonly accountSid: string; readonly callSid: string } & (
  | {
      readonly kind: 'subscribe';
      readonly url: string;
      readonly method: 'GET' | 'POST';
      readonly idempotencyKey?: string | undefined;
    }
  | { readonly kind: 'unsubscribe'; readonly sid: string }
  /** `content`: a JSON value. */
  | { readonly kind: 'send'; readonly content: unknown; readonly idempotencyKey?: string | undefined }
);
export type CallMessageReply =
  /** `at`: epoch milliseconds. */
  | { readonly ok: true; readonly sid: string; readonly at: number }
  | {
      readonly ok: false;
      readonly reason: 'no-such-call' | 'not-found' | 'no-client' | 'limit' | 'unavailable';
      readonly message?: string | undefined;
    };

/** Messages into calls and subscriptions to those out of them, whichever node holds the call. */
export interface CallMessaging {
  /** Bounded in time; never rejects. */
  request(request: CallMessageRequest): Promise<CallMessageReply>;
}

/** Looks on: who builds the call trace. Methods must not throw. */
export interface CallObserver {
  /** A leg has a SIP dialog: told before the call router hears of the call, or as soon as the INVITE went out. */
  sipDialog(leg: {
    readonly callSid: string;
    /** Undefined for the leg that the call came with. */
    readonly parentCallSid: string | undefined;
    readonly accountSid: string;
    readonly sipCallId: string;
  }): void;
  /** A leg got its media: listen to its events for as long as it lives. */
  media(callSid: string, leg: Leg): void;
}
