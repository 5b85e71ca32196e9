export { CallGuard } from './call-guard.ts';
export type { CallGuardOptions, GuardedCall, GuardedFacts } from './call-guard.ts';
export { HIGH_RISK } from './high-risk.ts';
export { MemorySpend } from './shared-spend.memory.ts';
export type { GuardReason } from './judge.ts';
export type { GuardDirectory, SharedSpend } from './ports.ts';
export type { Spend } from './spend.ts';
