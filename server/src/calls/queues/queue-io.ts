import type { EventData, QueueEventName } from '@hookswitch/shared';
import type { PartyAt } from '../conferences/ports.ts';

/** Why a call waits no more without having been bridged. */
export type QueueLeaveReason = 'left' | 'hung-up' | 'lost' | 'redirected';

export interface Whisper {
  readonly url: string;
  readonly method: 'GET' | 'POST';
}

/** What a call asks of queues. */
export type QueueWish =
  | {
      readonly do: 'enqueue';
      readonly name: string;
      readonly priority: number;
      /** Limit of this call's own; the queue's counts too. */
      readonly maxSize: number | undefined;
    }
  /** An agent asks for the first member, and waits for one. */
  | { readonly do: 'dial'; readonly name: string; readonly whisper: Whisper | undefined }
  /** The member has heard the whisper: it can be connected with its agent. */
  | { readonly do: 'ready' }
  /** Member or agent, it goes: out of the queue, or from the other one when they are bridged. */
  | { readonly do: 'leave'; readonly reason: QueueLeaveReason };

/** How a queue stands, for one of its members. Seconds. */
export interface QueuePlace {
  /** From 1. */
  readonly position: number;
  readonly currentSize: number;
  readonly maxSize: number;
  readonly averageSeconds: number;
}

/** What a call is told. */
export type QueueNews =
  | { readonly kind: 'queued'; readonly queueSid: string; readonly place: QueuePlace }
  | { readonly kind: 'refused'; readonly reason: 'queue-full' | 'system-error'; readonly message: string }
  | { readonly kind: 'moved'; readonly place: QueuePlace }
  /** An agent is to have this member. */
  | { readonly kind: 'called'; readonly agent: PartyAt; readonly whisper: Whisper | undefined }
  /** The agent is gone: it waits on, where it was. */
  | { readonly kind: 'requeued' }
  | { readonly kind: 'redirect'; readonly url: string; readonly method: 'GET' | 'POST' }
  /** To an agent: this member is about to be connected. */
  | { readonly kind: 'given'; readonly queueSid: string; readonly member: PartyAt; readonly waitSeconds: number }
  /** To an agent: that member is gone, and it waits for the next. */
  | { readonly kind: 'taken-back' }
  /** To both: they hear each other. */
  | { readonly kind: 'bridged'; readonly peerCallSid: string }
  /** To both: the other one is gone. */
  | { readonly kind: 'parted' };

export type QueueInput =
  | {
      readonly kind: 'enqueue';
      readonly party: PartyAt;
      readonly priority: number;
      readonly maxSize: number | undefined;
      /** Since when it waits: earlier than now when the queue's owner was lost. */
      readonly since: number;
    }
  | { readonly kind: 'leave'; readonly callSid: string; readonly reason: QueueLeaveReason }
  | { readonly kind: 'dial'; readonly party: PartyAt; readonly whisper: Whisper | undefined }
  | { readonly kind: 'give-up'; readonly callSid: string }
  | { readonly kind: 'bridged'; readonly callSid: string }
  /** The member and its agent could not be connected. */
  | { readonly kind: 'not-bridged'; readonly callSid: string }
  | { readonly kind: 'redirect'; readonly callSid: string; readonly url: string; readonly method: 'GET' | 'POST' }
  | { readonly kind: 'resize'; readonly maxSize: number }
  | { readonly kind: 'rename'; readonly name: string }
  | { readonly kind: 'node-left'; readonly node: string }
  /** Time to tell the members how the queue stands. */
  | { readonly kind: 'tell-places' };

type QueueEvent = {
  [N in QueueEventName]: {
    readonly kind: 'emit';
    readonly type: `queue.${N}`;
    readonly data: EventData<`queue.${N}`>;
  };
}[QueueEventName];

export type QueueEffect =
  | { readonly kind: 'tell'; readonly party: PartyAt; readonly news: QueueNews }
  | QueueEvent
  /** A `tell-places` is to follow soon; several wishes are one. */
  | { readonly kind: 'places-changed' }
  /** Nobody waits for anybody. */
  | { readonly kind: 'idle' };
