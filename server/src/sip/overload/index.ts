export { OverloadGate } from './gate.ts';
export type { OverloadOptions, OverloadReport } from './gate.ts';
export { OVERLOAD } from './machine.ts';
export type { OverloadLimits } from './machine.ts';
