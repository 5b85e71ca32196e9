export { DelegateError } from './delegate-error.ts';
export { DelegatingInstructions } from './delegating-instructions.ts';
export type { DelegatingInstructionsOptions } from './delegating-instructions.ts';
export type { Delegate, DelegateStore } from './ports.ts';
