import type { Entry } from '../history.ts';
import { Acks } from './acks.ts';
import { checkCoverage } from './coverage.ts';
import { checkIsolation } from './isolation.ts';
import { checkOrder } from './order.ts';
import { checkRights } from './rights.ts';
import { checkSlow } from './slow.ts';
import type { Violation } from './violation.ts';
import { checkWhole } from './whole.ts';

export type { Violation } from './violation.ts';

/** Holds a recorded history to the hub's five promises. @returns what was not kept, in the order of the promises */
export function checkHistory(entries: readonly Entry[]): Violation[] {
  const acks = new Acks(entries);
  return [
    ...checkCoverage(entries, acks),
    ...checkOrder(entries, acks),
    ...checkSlow(entries),
    ...checkRights(entries),
    ...checkIsolation(entries),
    ...checkWhole(entries),
  ];
}
