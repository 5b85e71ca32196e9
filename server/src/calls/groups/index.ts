export type * from './ports.ts';
export { GroupClaims } from './group-claims.ts';
export { GroupError } from './group-error.ts';
export { MemoryGroupStore } from './group-store.memory.ts';
