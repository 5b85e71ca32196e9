import type { EndCause } from '@hookswitch/shared';
import type { z } from 'zod';
import type { cancelReasonSchema } from '@hookswitch/shared';
import type { Step, TimerEffect, TimerInput } from '../kernel/index.ts';

/**
 * Ringing the devices of a client target, as a pure machine.
 *
 * ```
 *   start(none) ──────────────────────────────────────────────► ended(not-registered)
 *   start(n) ──► ringing ── accept ──► accepted                 (cancel answered-elsewhere to the others)
 *                 │  ├──── reject, unregistered: the last one ─► ended(busy | connection-lost)
 *                 │  ├──── timer no-answer ───────────────────► ended(no-answer)   (cancel timeout)
 *                 │  └──── stop ──────────────────────────────► ended(its cause)   (cancel with its reason)
 *                 └ registered: a device that came back is told again, a new one rings too
 * ```
 *
 * `accepted` and `ended` are final: whatever comes later changes nothing.
 */
export type RingingState =
  | { readonly phase: 'idle' }
  | { readonly phase: 'ringing'; readonly devices: ReadonlyMap<string, RingingDevice> }
  | { readonly phase: 'accepted'; readonly winner: RungDevice }
  | { readonly phase: 'ended'; readonly cause: EndCause };

/** A registration and whose it is. */
export interface RungDevice {
  readonly registration: string;
  readonly identity: string;
}
interface RingingDevice extends RungDevice {
  readonly status: 'ringing' | 'rejected' | 'gone';
}

export type CancelReason = z.infer<typeof cancelReasonSchema>;
export type RingingTimer = 'no-answer';

export type RingingInput =
  | { readonly kind: 'start'; readonly devices: readonly RungDevice[]; readonly timeoutMs: number }
  | { readonly kind: 'registered'; readonly device: RungDevice }
  | { readonly kind: 'unregistered'; readonly registration: string }
  | { readonly kind: 'accept'; readonly registration: string }
  | { readonly kind: 'reject'; readonly registration: string; readonly reason: 'rejected' | 'busy' }
  /** The caller hung up, a command ended the leg, another leg was answered. */
  | { readonly kind: 'stop'; readonly cause: EndCause; readonly reason: CancelReason; readonly by?: string }
  | TimerInput<RingingTimer>;

export type RingingEffect =
  | { readonly kind: 'notify'; readonly device: RungDevice }
  | {
      readonly kind: 'cancel';
      readonly device: RungDevice;
      readonly reason: CancelReason;
      readonly by: string | undefined;
    }
  | { readonly kind: 'rejected'; readonly device: RungDevice; readonly reason: 'rejected' | 'busy' }
  | { readonly kind: 'accepted'; readonly device: RungDevice }
  | { readonly kind: 'ended'; readonly cause: EndCause }
  | TimerEffect<RingingTimer>;

type RingingStep = Step<RingingState, RingingEffect>;
type Ringing = Extract<RingingState, { phase: 'ringing' }>;

export const RINGING_START: RingingState = { phase: 'idle' };

/** One step; rows of client-ringing.test.ts. */
export function ringingMachine(state: RingingState, input: RingingInput): RingingStep {
  if (state.phase === 'idle') return fromIdle(state, input);
  if (state.phase !== 'ringing') return { state, effects: [] };
  switch (input.kind) {
    case 'start':
      return { state, effects: [] };
    case 'registered':
      return registered(state, input.device);
    case 'unregistered':
      return leave(state, input.registration, { status: 'gone', effects: () => [] });
    case 'reject':
      return leave(state, input.registration, {
        status: 'rejected',
        effects: (device) => [{ kind: 'rejected', device, reason: input.reason }],
      });
    case 'accept':
      return accept(state, input.registration);
    case 'stop':
      return end(state, input.cause, { reason: input.reason, by: input.by });
    case 'timer':
      return end(state, 'no-answer', { reason: 'timeout', by: undefined });
  }
}

function fromIdle(state: RingingState, input: RingingInput): RingingStep {
  if (input.kind === 'stop') return { state: ended(input.cause), effects: [{ kind: 'ended', cause: input.cause }] };
  if (input.kind !== 'start') return { state, effects: [] };
  if (input.devices.length === 0) {
    return { state: ended('not-registered'), effects: [{ kind: 'ended', cause: 'not-registered' }] };
  }
  const devices = new Map(input.devices.map((device) => [device.registration, { ...device, status: 'ringing' }]));
  return {
    state: { phase: 'ringing', devices: devices as Ringing['devices'] },
    effects: [
      { kind: 'start-timer', name: 'no-answer', delayMs: input.timeoutMs },
      ...input.devices.map((device): RingingEffect => ({ kind: 'notify', device })),
    ],
  };
}

/** A device that rejected stays quiet after a reconnect: its user has said no. */
function registered(state: Ringing, device: RungDevice): RingingStep {
  if (state.devices.get(device.registration)?.status === 'rejected') return { state, effects: [] };
  return { state: withDevice(state, { ...device, status: 'ringing' }), effects: [{ kind: 'notify', device }] };
}

interface Leaving {
  readonly status: 'gone' | 'rejected';
  effects(device: RungDevice): RingingEffect[];
}

function leave(state: Ringing, registration: string, how: Leaving): RingingStep {
  const device = state.devices.get(registration);
  if (device?.status !== 'ringing') return { state, effects: [] };
  const next = withDevice(state, { ...device, status: how.status });
  const effects = how.effects(rung(device));
  const left = [...next.devices.values()];
  if (left.some((other) => other.status === 'ringing')) return { state: next, effects };
  const cause = left.some((other) => other.status === 'rejected') ? 'busy' : 'connection-lost';
  return {
    state: ended(cause),
    effects: [...effects, { kind: 'stop-timer', name: 'no-answer' }, { kind: 'ended', cause }],
  };
}

/** The first accept wins: this step is the only place that leaves `ringing` for `accepted`. */
function accept(state: Ringing, registration: string): RingingStep {
  const winner = state.devices.get(registration);
  if (winner?.status !== 'ringing') return { state, effects: [] };
  const losers = [...state.devices.values()].filter(
    (device) => device.status === 'ringing' && device.registration !== registration,
  );
  return {
    state: { phase: 'accepted', winner: rung(winner) },
    effects: [
      { kind: 'stop-timer', name: 'no-answer' },
      { kind: 'accepted', device: rung(winner) },
      ...losers.map((device): RingingEffect => ({
        kind: 'cancel',
        device: rung(device),
        reason: 'answered-elsewhere',
        by: winner.identity,
      })),
    ],
  };
}

function end(state: Ringing, cause: EndCause, why: { reason: CancelReason; by: string | undefined }): RingingStep {
  const ringing = [...state.devices.values()].filter((device) => device.status === 'ringing');
  return {
    state: ended(cause),
    effects: [
      { kind: 'stop-timer', name: 'no-answer' },
      ...ringing.map((device): RingingEffect => ({ kind: 'cancel', device: rung(device), ...why })),
      { kind: 'ended', cause },
    ],
  };
}

function withDevice(state: Ringing, device: RingingDevice): Ringing {
  return { phase: 'ringing', devices: new Map([...state.devices, [device.registration, device]]) };
}

function rung(device: RungDevice): RungDevice {
  return { registration: device.registration, identity: device.identity };
}

function ended(cause: EndCause): RingingState {
  return { phase: 'ended', cause };
}
