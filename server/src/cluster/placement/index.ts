export { LoadBoard, STALE_MS } from './load-board.ts';
export type { SeenNode } from './load-board.ts';
export { LoadReporter, REPORT_MS } from './load-reporter.ts';
export { NodePlacement } from './node-placement.ts';
export type { NodePlacementOptions } from './node-placement.ts';
export { PLACEMENT_POLICY, place, roomOf } from './place.ts';
export type { Candidate, LoadMeter, LoadReports, NodeLoad, Placement, PlacementPolicy } from './ports.ts';
