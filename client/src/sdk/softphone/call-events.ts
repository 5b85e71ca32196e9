import type { Clock, HookswitchError } from '../kit/index.ts';
import type { CallLegOptions } from './call-leg.ts';
import type { CallDirection, CallEnd, CallState } from './call-machine.ts';
import type { Call } from './call.ts';
import type { Codec } from './ports.ts';

export type CallStatus = CallState['status'];

export interface CallEvents {
  /** The call is open: both parties can speak. */
  accept: Call;
  /** The other side rings. With early media its own tones are heard. */
  ringing: { readonly hasEarlyMedia: boolean };
  /** The other side's audio is attached and played. */
  audio: MediaStream;
  /** An incoming call that rang here is over before it was answered here. */
  cancel: CallEnd;
  /** Rejected here. */
  reject: CallEnd;
  /** Over, after it was connecting or open. */
  disconnect: CallEnd;
  error: HookswitchError;
  mute: boolean;
  /** Signalling or audio was lost and is being re-established; the other party is still there. */
  reconnecting: { readonly what: 'signalling' | 'media' };
  reconnected: Call;
  /** About ten times a second while a leg is up, 0 to 1. */
  volume: { readonly input: number; readonly output: number };
  /** The other side pressed a key. */
  digit: string;
  /** The application sent a message into this call. */
  message: CallMessage;
  /** Something is wrong that does not end the call. */
  warning: { readonly name: 'one-way-audio'; readonly silent: 'caller' | 'client' };
  /** The codec that is heard. */
  codec: Codec;
  /** Any change of status. */
  status: CallStatus;
}

/** A message of the application. */
export interface CallMessage {
  readonly messageSid: string;
  /** Any JSON value. */
  readonly content: unknown;
}

/** What became of a message of ours. */
export interface MessageAnswer {
  readonly messageSid: string;
  /** What the application answered; undefined when no application wants messages of this call. */
  readonly answer: unknown;
}

/** What the call needs of its device. */
export interface CallContext extends CallLegOptions {
  readonly clock: Clock;
  /** The server named an outgoing call. */
  readonly identified: (call: Call) => void;
  readonly closed: (call: Call) => void;
}

export interface CallFacts {
  readonly direction: CallDirection;
  readonly from: string;
  readonly to: string;
  readonly callerName: string | undefined;
  readonly parameters: Readonly<Record<string, string>>;
}
