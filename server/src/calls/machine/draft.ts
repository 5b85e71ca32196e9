import type { EventData, EventType, StatusEvent } from '@hookswitch/shared';
import type { CallEffect, CallEvent, LegCommand } from './call-effect.ts';
import type { CallState, LegState } from './call-state.ts';
import { callbackParams } from './params.ts';

/** Event types about a call. */
export type CallEventType = Extract<EventType, `call.${string}`>;
type Common = 'callSid' | 'parentCallSid' | 'direction' | 'from' | 'to' | 'applicationSid';

/**
 * One step of the machine in the making: the next state and the effects so far. Lives for one step; the states it
 * replaces are never changed.
 */
export class Draft {
  state: CallState;
  readonly effects: CallEffect[] = [];
  /** Monotonic milliseconds. */
  readonly at: number;

  constructor(state: CallState, at: number) {
    this.state = state;
    this.at = at;
  }

  get root(): LegState {
    const root = this.state.legs.get(this.state.rootSid);
    if (root === undefined) throw new Error(`call ${this.state.rootSid} has no root leg`);
    return root;
  }

  leg(callSid: string): LegState | undefined {
    return this.state.legs.get(callSid);
  }

  set(change: Partial<CallState>): void {
    this.state = { ...this.state, ...change };
  }

  putLeg(leg: LegState): void {
    this.set({ legs: new Map(this.state.legs).set(leg.callSid, leg) });
  }

  /** Changes a known leg and returns it as it is now. */
  changeLeg(leg: LegState, change: Partial<LegState>): LegState {
    const changed = { ...(this.leg(leg.callSid) ?? leg), ...change };
    this.putLeg(changed);
    return changed;
  }

  push(...effects: readonly CallEffect[]): void {
    this.effects.push(...effects);
  }

  command(command: LegCommand): void {
    this.push({ kind: 'leg', command });
  }

  /** Publishes an event of a leg under its next sequence number. */
  emit<T extends CallEventType>(type: T, leg: LegState, facts: Omit<EventData<T>, Common>): void {
    const { callSid, parentCallSid, direction, from, to, sequence } = this.leg(leg.callSid) ?? leg;
    const parent = parentCallSid === undefined ? {} : { parentCallSid };
    const { applicationSid } = this.state.application;
    const application = applicationSid === undefined ? {} : { applicationSid };
    const data = { callSid, ...parent, direction, from, to, ...application, ...facts };
    this.push({ kind: 'emit', type, callSid, sequence, data } as unknown as CallEvent);
    this.changeLeg(leg, { sequence: sequence + 1 });
  }

  /** @param leg whom it concerns (default: the caller's) */
  warn(code: number, message: string, leg: LegState = this.root): void {
    this.emit('call.warning', leg, { code, message });
    this.push({ kind: 'log', level: 'warn', fields: { code }, message });
  }

  /** Sends the leg's status callback for this step, if it has asked for it. */
  callback(callSid: string, event: StatusEvent): void {
    const leg = this.leg(callSid);
    const wanted = leg?.statusCallback;
    if (leg === undefined || wanted?.events.includes(event) !== true) return;
    const { url, method } = wanted;
    const params = callbackParams(this.state, leg, event);
    const request = { accountSid: this.state.accountSid, callSid, url, method, params };
    this.push({ kind: 'callback', request, stamped: true });
    this.changeLeg(leg, { callbackSequence: leg.callbackSequence + 1 });
  }
}
