import type { AudioDevice, BridgeRequest, Call, Codec, HookswitchError } from '../sdk/index.ts';

export type PhoneState = 'registered' | 'registering' | 'reconnecting' | 'offline' | 'unregistered' | 'stopped';

/** What the page shows of one call. */
export interface CallView {
  readonly call: Call;
  readonly status: Call['status'];
  readonly muted: boolean;
  readonly codec: Codec | undefined;
  readonly openedAt: number | undefined;
  readonly digitsReceived: string;
  readonly digitsSent: string;
  readonly warning: string | undefined;
}

export interface RecentCall {
  readonly key: number;
  readonly direction: Call['direction'];
  readonly peer: string;
  readonly outcome: string;
  readonly missed: boolean;
  readonly durationMs: number | undefined;
  readonly at: number;
}

export interface PhoneSnapshot {
  readonly state: PhoneState;
  readonly identity: string | undefined;
  readonly incoming: readonly CallView[];
  readonly active: CallView | undefined;
  /** What may be answered by a call. */
  readonly requests: readonly BridgeRequest[];
  /** Newest last, one of a kind. */
  readonly errors: readonly HookswitchError[];
  readonly recents: readonly RecentCall[];
  readonly inputs: readonly AudioDevice[];
  readonly outputs: readonly AudioDevice[];
  readonly inputDevice: string | undefined;
  readonly outputDevice: string | undefined;
  readonly microphone: 'granted' | 'denied' | 'prompt' | 'unknown';
  readonly soundBlocked: boolean;
}
