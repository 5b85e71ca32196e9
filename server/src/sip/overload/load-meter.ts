import { performance } from 'node:perf_hooks';

/** How busy this process is. */
export interface LoadMeter {
  /** Share of the time since the last call that the event loop worked, 0 to 1. */
  read(): number;
}

/** Of the thread that it is made in. Work that other processes keep the processor from doing counts as work. */
export function eventLoopLoad(): LoadMeter {
  let last = performance.eventLoopUtilization();
  return {
    read: () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization;
    },
  };
}
