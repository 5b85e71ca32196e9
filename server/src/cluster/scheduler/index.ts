export { CallQueue } from './call-queue.ts';
export type { DispatchLimits, Openings, QueueForecast, QueuePosition, QueuedAccount, Waiting } from './ports.ts';
