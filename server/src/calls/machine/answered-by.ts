import type { LegEvent } from '../ports.ts';
import type { Draft } from './draft.ts';
import { legInstructionParams } from './params.ts';

/** A placed call was answered. @returns true when its instructions have to wait for the verdict */
export function detectMachine(draft: Draft): boolean {
  const { machineDetection, rootSid } = draft.state;
  if (machineDetection === undefined) return false;
  draft.command({ do: 'detect-machine', callSid: rootSid, options: machineDetection.options });
  return machineDetection.background === undefined;
}

/** Who answered a placed call: its requests say so from now on, and the callback is told. @returns whether they waited */
export function onAnsweredBy(draft: Draft, event: Extract<LegEvent, { kind: 'machine-detected' }>): boolean {
  const { machineDetection, rootSid, accountSid, extraParams } = draft.state;
  if (machineDetection === undefined || event.callSid !== rootSid) return false;
  const params = { AnsweredBy: event.answeredBy, MachineDetectionDuration: String(Math.round(event.durationMs)) };
  draft.set({ machineDetection: undefined, extraParams: { ...extraParams, ...params } });
  const { background } = machineDetection;
  if (background === undefined) return true;
  if (background.callback !== undefined) {
    const all = legInstructionParams(draft.state, draft.root, params);
    const request = { ...background.callback, accountSid, callSid: rootSid, params: all };
    draft.push({ kind: 'callback', stamped: false, request });
  }
  return false;
}
