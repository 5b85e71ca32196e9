import type { EndCause } from '@hookswitch/shared';
import type { EndRequest, LegEvent, ReferAnswer, ReferTarget } from '../ports.ts';
import { normaliseNumber } from '../numbers.ts';
import type { ProgramResult } from '../twiml/document.ts';
import { RINGBACK, endLeg, living, notifyAction } from './dial-state.ts';
import type { DialMemory } from './dial-state.ts';
import { aimAt } from './dial-targets.ts';
import type { Party } from './dial-targets.ts';
import type { TransferFacts, VerbContext, VerbEffect } from './verb.ts';

/** A party of a Dial that talks (the transferor) hands the other one on to somebody else. */
export interface Transfer {
  /** Leg of the transferor. */
  readonly by: string;
  /** Leg of the party that is handed on: the caller, or the dialled one when the caller transfers it. */
  readonly other: string;
  readonly referId: string;
  readonly facts: TransferFacts;
  /** The leg to the target; undefined while the application is asked. */
  readonly leg: string | undefined;
  /** The transferor has hung up already: the other party waits for the outcome. */
  readonly orphaned: boolean;
  /** The transferor was the caller, for whom the Dial runs. */
  readonly byCaller: boolean;
}

export interface TransferStep {
  readonly memory: DialMemory;
  readonly effects: readonly VerbEffect[];
  /** `finish`: nobody is left to talk with. `run`: the application's document goes on with the other party. */
  readonly then: 'go-on' | 'finish' | { readonly run: Extract<ProgramResult, { ok: true }> };
}

type ReferEvent = Extract<LegEvent, { kind: 'refer-requested' }>;

export const TRANSFER_GUARD = 'transfer-guard';
/** The bridge ends a leg at its timeout; this much later Dial does it itself. Milliseconds. */
const GUARD_MS = 5000;
const TRANSFERRED: EndRequest = { cause: 'hangup-callee', message: 'the call was transferred' };

/**
 *     refused                                              the call goes on as it was
 *     asked for --referUrl--> asking --document--> the application goes on with the other party
 *         |                      +--none--> failed: the call goes on as it was
 *         +--> ringing --target answers--> the other party talks with the target, the transferor's leg is ended
 *                  +--it does not--> failed: the call goes on as it was
 *
 * A transferor that hangs up meanwhile leaves the other party waiting: then `failed` ends the Dial.
 */
export function requestTransfer(memory: DialMemory, event: ReferEvent, context: VerbContext): TransferStep {
  const { callSid: by, referId, target, referredBy } = event;
  const byCaller = by === context.callSid;
  const { winner } = memory;
  const other = byCaller ? winner : context.callSid;
  const facts: TransferFacts = {
    target: target.uri,
    kind: target.way.kind === 'leg' ? 'attended' : 'blind',
    by: 'party',
    ...(other === undefined ? {} : { otherCallSid: other }),
  };
  const told: VerbEffect = { kind: 'transfer-requested', callSid: by, facts, referredBy };
  const refused = (sipStatus: number, message: string, hint = ''): TransferStep => ({
    memory,
    effects: [
      told,
      answer(referId, { kind: 'refused', sipStatus, message }),
      { kind: 'transfer-failed', callSid: by, facts, sipStatus, message: `${message}${hint}` },
    ],
    then: 'go-on',
  });
  if (memory.transfer !== undefined) return refused(491, 'another transfer of this call is under way');
  if (other === undefined || !memory.merged || (!byCaller && by !== winner)) {
    return refused(603, 'there is nobody yet who could be transferred');
  }
  const transfer: Transfer = { by, other, referId, facts, leg: undefined, orphaned: false, byCaller };
  const begin: VerbEffect[] = [told, answer(referId, { kind: 'accepted' })];
  // From now on the transferor may hang up without taking the other party along.
  if (byCaller) begin.push({ kind: 'lead', callSid: other });
  const { referUrl, referMethod = 'POST', timeout } = memory.dial;
  const url = referUrl === undefined ? undefined : context.resolve(referUrl);
  if (url !== undefined && target.way.kind !== 'leg') {
    const request = { url, method: referMethod, params: { ReferTransferTarget: target.uri } };
    begin.push({ kind: 'fetch', name: 'refer', about: other, request });
    return { memory: { ...memory, transfer }, effects: begin, then: 'go-on' };
  }
  if (!event.trusted && url === undefined) return refused(403, NOT_ALLOWED, HOW_TO_ALLOW);
  const { way } = target;
  if (way.kind === 'outside') return refused(way.sipStatus, way.problem);
  const party = partyAt(way, { memory, other, context });
  if (party.kind === 'warning') return refused(404, party.message);
  const placed = [...memory.parties.slice(0, memory.placed), party.party];
  begin.push(
    { kind: 'place', ...party.party, timeoutMs: timeout * 1000 },
    { kind: 'start-timer', name: TRANSFER_GUARD, delayMs: timeout * 1000 + GUARD_MS },
  );
  return {
    memory: {
      ...memory,
      parties: placed,
      placed: placed.length,
      transferLegs: memory.transferLegs + 1,
      transfer: { ...transfer, leg: party.party.callSid },
    },
    effects: begin,
    then: 'go-on',
  };
}

const NOT_ALLOWED = 'transfers by this party are not allowed here';
/** Not for the party. */
const HOW_TO_ALLOW = ': set referUrl in <Dial>, or --transfers allow on its trunk';

/** What happens to the leg that was placed for the transfer. */
export function onTransferLeg(memory: DialMemory, event: LegEvent, context: VerbContext): TransferStep {
  const { transfer } = memory;
  if (transfer === undefined) return { memory, effects: [], then: 'go-on' };
  switch (event.kind) {
    case 'leg-ringing':
      return {
        memory,
        effects: [answer(transfer.referId, { kind: 'progress', sipStatus: 180 })],
        then: 'go-on',
      };
    case 'leg-answered':
      return connect(memory, { ...transfer, leg: event.callSid }, context);
    case 'leg-ended':
      return failed(memory, context, event.sipStatus ?? STATUSES[event.cause] ?? 503, event.message);
    default:
      return { memory, effects: [], then: 'go-on' };
  }
}

/** The transferor has hung up before the outcome: the other party goes on alone. */
export function transferorGone(memory: DialMemory, context: VerbContext): TransferStep {
  const { transfer } = memory;
  if (transfer === undefined) return { memory, effects: [], then: 'finish' };
  const ringback = transfer.leg !== undefined;
  const effects: VerbEffect[] = transfer.byCaller ? handOver(memory, transfer, context) : [];
  if (ringback) effects.push({ kind: 'play', name: RINGBACK, media: { kind: 'tone', tone: 'ringback' } });
  const inherited = transfer.byCaller ? inherit(memory, transfer) : memory;
  return {
    memory: { ...inherited, winner: undefined, ringback, transfer: { ...transfer, orphaned: true } },
    effects,
    then: 'go-on',
  };
}

/** What the application says to `referUrl`. */
export function onInstructions(memory: DialMemory, result: ProgramResult, context: VerbContext): TransferStep {
  const { transfer } = memory;
  if (transfer === undefined) return { memory, effects: [], then: 'go-on' };
  if (!result.ok)
    return failed(memory, context, 503, `the application was asked and did not answer: ${result.message}`);
  const effects = succeeded(transfer, undefined);
  if (transfer.byCaller && !transfer.orphaned) effects.push(...handOver(memory, transfer, context));
  const legs = living(memory, context).filter((callSid) => callSid !== transfer.other);
  if (transfer.byCaller && !transfer.orphaned) legs.push(transfer.by);
  effects.push(...legs.map((callSid) => endLeg(callSid, TRANSFERRED)));
  return { memory: { ...memory, transfer: undefined }, effects, then: { run: result } };
}

/** Ends the transfer under way, because of something else. The transferor's leg is left as it is. */
export function dropTransfer(memory: DialMemory, context: VerbContext): VerbEffect[] {
  if (memory.transfer === undefined) return [];
  const { leg } = memory.transfer;
  const { effects } = failed(memory, context, 487, 'the call ended before the transfer was done');
  if (leg === undefined || context.leg(leg)?.phase === 'ended') return [...effects];
  return [...effects, endLeg(leg, { cause: 'canceled', message: 'the transfer was given up' })];
}

function connect(memory: DialMemory, transfer: Transfer, context: VerbContext): TransferStep {
  const { leg = '', by, byCaller, orphaned } = transfer;
  const effects: VerbEffect[] = [...succeeded(transfer, leg), { kind: 'stop-timer', name: TRANSFER_GUARD }];
  if (memory.ringback) effects.push({ kind: 'stop-play', name: RINGBACK });
  const leaving = byCaller && !orphaned;
  if (leaving) effects.push(...handOver(memory, transfer, context));
  effects.push({ kind: 'merge', peerCallSid: leg });
  if (!orphaned) effects.push(endLeg(by, TRANSFERRED));
  const next = leaving ? inherit(memory, transfer) : memory;
  return { memory: { ...next, winner: leg, ringback: false, transfer: undefined }, effects, then: 'go-on' };
}

function failed(memory: DialMemory, context: VerbContext, sipStatus: number, message: string): TransferStep {
  const { transfer } = memory;
  if (transfer === undefined) return { memory, effects: [], then: 'go-on' };
  const { referId, orphaned, byCaller, facts } = transfer;
  const effects: VerbEffect[] = [
    answer(referId, { kind: 'progress', sipStatus }),
    { kind: 'transfer-failed', callSid: teller(transfer), facts, sipStatus, message },
    { kind: 'stop-timer', name: TRANSFER_GUARD },
  ];
  if (byCaller && !orphaned) effects.push({ kind: 'lead', callSid: context.callSid });
  return { memory: { ...memory, transfer: undefined }, effects, then: orphaned ? 'finish' : 'go-on' };
}

function succeeded(transfer: Transfer, newCallSid: string | undefined): VerbEffect[] {
  return [
    answer(transfer.referId, { kind: 'progress', sipStatus: 200 }),
    { kind: 'transferred', callSid: teller(transfer), facts: transfer.facts, newCallSid },
  ];
}

/** Whose event it is: of a leg that has ended nothing is told any more. */
function teller({ orphaned, by, other }: Transfer): string {
  return orphaned ? other : by;
}

/** The dialled party takes the caller's place; the caller's own instructions end here. */
function handOver(memory: DialMemory, transfer: Transfer, context: VerbContext): VerbEffect[] {
  return [...notifyAction(memory, context), { kind: 'hand-over', callSid: transfer.other }];
}

function inherit(memory: DialMemory, { leg }: Transfer): DialMemory {
  const parties = memory.parties.filter(({ callSid }) => callSid === leg);
  return { ...memory, dial: { ...memory.dial, action: undefined }, parties, placed: parties.length };
}

function answer(referId: string, what: ReferAnswer): VerbEffect {
  return { kind: 'answer-refer', referId, answer: what };
}

/** What the transferor is told of a target that gave no SIP status. */
const STATUSES: Readonly<Partial<Record<EndCause, number>>> = {
  busy: 486,
  rejected: 603,
  'no-answer': 480,
  'not-registered': 480,
  unreachable: 480,
  canceled: 487,
};

function partyAt(
  way: Exclude<ReferTarget['way'], { kind: 'outside' }>,
  call: { readonly memory: DialMemory; readonly other: string; readonly context: VerbContext },
): { readonly kind: 'party'; readonly party: Party } | { readonly kind: 'warning'; readonly message: string } {
  const { memory, other, context } = call;
  const leg = context.leg(other);
  // Who is handed on: the caller by what it called from, a dialled party by what was dialled.
  const identity = (leg?.direction === 'inbound' ? leg.from : leg?.to) ?? '';
  const common = { callSid: context.legSid(-1 - memory.transferLegs), statusCallback: undefined };
  if (way.kind === 'leg') {
    const target = { kind: 'leg' as const, callSid: way.callSid };
    return { kind: 'party', party: { ...common, target, from: identity, to: way.to } };
  }
  const shown = [identity, memory.dial.callerId, leg?.from, leg?.to].find(isNumber);
  const aimed =
    way.kind === 'number'
      ? aimAt({ noun: 'Number', number: way.number, sendDigits: undefined }, shown ?? identity, context)
      : aimAt({ noun: 'Sip', uri: way.uri, username: undefined, password: undefined, headers: [] }, identity, context);
  return 'kind' in aimed
    ? { kind: 'warning', message: aimed.kind === 'warning' ? aimed.message : 'the target cannot be called' }
    : { kind: 'party', party: { ...common, ...aimed } };
}

function isNumber(text: string | undefined): text is string {
  return text !== undefined && /^\+[0-9]{3,15}$/.test(normaliseNumber(text));
}
