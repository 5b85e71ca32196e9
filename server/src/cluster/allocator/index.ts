export { Allocator } from './allocator.ts';
export type { AllocatorOptions, Analyst, QueueFacts } from './allocator.ts';
export { ROLE_TARGET, RoleAnalyst, roleLoad } from './role-analyst.ts';
export type { RoleAnalystOptions } from './role-analyst.ts';
export { ALLOCATOR_POLICY, EMPTY_ALLOCATOR, allocatorMachine } from './machine.ts';
export type { AllocatorEffect, AllocatorInput, AllocatorPolicy, AllocatorState, FleetNode } from './machine.ts';
