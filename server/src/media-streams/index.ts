export { NodeMediaStreams } from './node-media-streams.ts';
export type { NodeMediaStreamsOptions } from './node-media-streams.ts';
export { STREAM_CODES } from './problems.ts';
export type * from './ports.ts';
