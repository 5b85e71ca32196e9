export type { Campaign, LoadPhase } from './arrivals.ts';
export { simulateCluster } from './cluster.ts';
export type { ClusterPoint, ClusterResult, ClusterTrace } from './cluster.ts';
export { simulateFairness } from './fairness.ts';
export type { FairnessResult, FairnessTrace, TenantClass } from './fairness.ts';
