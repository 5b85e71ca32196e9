import type { LegEvent } from '../ports.ts';
import { verbFor } from '../verbs/table.ts';
import type { LegState } from './call-state.ts';
import type { Draft } from './draft.ts';

/** Whether the call goes on without its caller's leg: somebody is being put into its place. */
export function outlivesCaller(draft: Draft): boolean {
  const { execution } = draft.state.main;
  return execution.kind === 'verb' && verbFor(execution.verb).outlivesCaller?.(execution.memory) === true;
}

/** Whether the verb in progress decides about a transfer that this leg's party asks for. */
export function takesRefer(draft: Draft, leg: LegState): boolean {
  const { rootSid } = draft.state;
  const { execution } = draft.state.main;
  if (execution.kind !== 'verb' || verbFor(execution.verb).takesRefer !== true) return false;
  return leg.callSid === rootSid || leg.run === execution.run;
}

/** Nobody could be handed on: the party talks with the application. */
export function refuseRefer(draft: Draft, leg: LegState, event: Extract<LegEvent, { kind: 'refer-requested' }>): void {
  const { referId, target, referredBy } = event;
  const message = 'there is nobody in this call who could be transferred';
  const facts = { target: target.uri, kind: target.way.kind === 'leg' ? 'attended' : 'blind', by: 'party' } as const;
  draft.emit('call.transfer-requested', leg, { ...facts, ...(referredBy === undefined ? {} : { referredBy }) });
  draft.command({ do: 'answer-refer', referId, answer: { kind: 'refused', sipStatus: 603, message } });
  draft.emit('call.transfer-failed', leg, { ...facts, sipStatus: 603, message });
}
