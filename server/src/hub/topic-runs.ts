import type { LoggedEvent } from './ports.ts';

/** The events after `seq` in rising sequence, others left out, as runs of consecutive ones of the same topic. */
export function topicRuns(events: readonly LoggedEvent[], seq: number): LoggedEvent[][] {
  const runs: LoggedEvent[][] = [];
  let last = seq;
  for (const event of events) {
    if (event.position.seq <= last) continue;
    last = event.position.seq;
    const run = runs.at(-1);
    if (run?.[0]?.topic === event.topic) run.push(event);
    else runs.push([event]);
  }
  return runs;
}
