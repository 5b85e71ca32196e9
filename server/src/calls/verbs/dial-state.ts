import type { CallFinalStatus, DialVerb } from '@hookswitch/shared';
import type { LegState } from '../machine/call-state.ts';
import type { EndRequest } from '../ports.ts';
import type { Party } from './dial-targets.ts';
import { recordingParams } from './dial-recording.ts';
import type { DialRecording } from './dial-recording.ts';
import type { Transfer } from './dial-transfer.ts';
import type { VerbContext, VerbEffect } from './verb.ts';

/** What a Dial remembers. */
export interface DialMemory {
  readonly dial: DialVerb;
  readonly parties: readonly Party[];
  /** Parties placed so far, a count: all at once, or one by one with `sequential`. */
  readonly placed: number;
  /** The party that answered first, or that a transfer put into its place. */
  readonly winner: string | undefined;
  readonly merged: boolean;
  /** The caller, answered already, hears a ringing tone of ours. */
  readonly ringback: boolean;
  readonly recording: DialRecording | undefined;
  /** The winner hears a document of its own before the merge. */
  readonly whispering: boolean;
  /** All is over but the recording, which is being ended. */
  readonly finishing: boolean;
  /** A transfer that a party has asked for. */
  readonly transfer: Transfer | undefined;
  /** Legs that were placed for transfers so far: each has a sid of its own, whatever became of those before it. */
  readonly transferLegs: number;
}

export const RINGBACK = 'ringback';

/** Placed parties whose leg has not ended. */
export function living(memory: DialMemory, context: VerbContext): string[] {
  return memory.parties
    .slice(0, memory.placed)
    .map((party) => party.callSid)
    .filter((callSid) => context.leg(callSid)?.phase !== 'ended');
}

export function endLeg(callSid: string, request: EndRequest): VerbEffect {
  return { kind: 'end', callSid, request };
}

/**
 * The outcome of the whole Dial. Several parties that nobody answered: somebody let it ring -> no-answer, else somebody
 * refused -> busy, else failed.
 */
export function outcomeOf(memory: DialMemory, context: VerbContext): CallFinalStatus {
  if (memory.winner !== undefined || memory.merged) return 'completed';
  const statuses = new Set(memory.parties.map((party) => context.leg(party.callSid)?.outcome?.status));
  for (const status of ['no-answer', 'busy', 'failed', 'canceled'] as const) if (statuses.has(status)) return status;
  return 'failed';
}

/** Parameters of the request to the action URL. */
export function report(memory: DialMemory, status: CallFinalStatus, context: VerbContext): Record<string, string> {
  const party = memory.parties.find((each) => each.callSid === memory.winner) ?? memory.parties[memory.placed - 1];
  const leg = party === undefined ? undefined : context.leg(party.callSid);
  const outcome = leg?.outcome;
  const params: Record<string, string> = { DialCallStatus: status, DialBridged: String(memory.merged) };
  if (party !== undefined) params['DialCallSid'] = party.callSid;
  if (memory.winner !== undefined) {
    const soFar = Math.round((context.at - (leg?.answeredAt ?? context.at)) / 1000);
    params['DialCallDuration'] = String(outcome?.durationSeconds ?? soFar);
  }
  for (const [name, value] of Object.entries(outcome?.returned ?? {})) params[`ReturnParam_${name}`] = value;
  if (party?.target.kind === 'sip') Object.assign(params, sipParams(leg));
  return { ...params, ...recordingParams(memory.recording, context) };
}

/** What SIP says of the party: of its answer, or of its refusal. */
function sipParams(leg: LegState | undefined): Record<string, string> {
  const params: Record<string, string> = {};
  const status = leg?.answeredAt === undefined ? leg?.outcome?.sipStatus : 200;
  if (status !== undefined) params['DialSipResponseCode'] = String(status);
  if (leg?.sip !== undefined) params['DialSipCallId'] = leg.sip.callId;
  for (const [name, value] of Object.entries(leg?.sip?.headers ?? {})) params[`DialSipHeader_${name}`] = value;
  return params;
}

/** The action URL is told that the caller has left. */
export function notifyAction(memory: DialMemory, context: VerbContext): VerbEffect[] {
  const { action, method } = memory.dial;
  const url = action === undefined ? undefined : context.resolve(action);
  if (url === undefined) return [];
  const status = memory.winner === undefined && !memory.merged ? 'canceled' : 'completed';
  return [{ kind: 'notify', request: { url, method, params: report(memory, status, context) } }];
}
