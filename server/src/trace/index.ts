export type * from './ports.ts';
export { headOf, traceOf } from './build.ts';
export { renderLadder } from './text-ladder.ts';
export type { LadderOptions } from './text-ladder.ts';
export { pcapOf } from './pcap.ts';
export { TRACE_LIMITS, TraceRecorder } from './recorder.ts';
export type { TraceLimits, TraceRecorderOptions, TracedExchange } from './recorder.ts';
export { callObserver, httpTap, tracedEvents } from './taps.ts';
