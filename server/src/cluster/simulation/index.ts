export { simulateCluster } from './cluster.ts';
export type { ClusterResult, ClusterTrace, LoadPhase } from './cluster.ts';
export { simulateFairness } from './fairness.ts';
export type { FairnessResult, FairnessTrace, TenantClass } from './fairness.ts';
