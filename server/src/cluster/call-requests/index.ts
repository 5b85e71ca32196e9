export { CallRequestError } from './errors.ts';
export { FairScheduler } from './fair-scheduler.ts';
export type { SchedulerOptions } from './fair-scheduler.ts';
export type { ApplicationView, CallNeeds } from './application-habits.ts';
export type { TrunkView } from './trunk-openings.ts';
export type { RoundFacts } from './round-facts.ts';
