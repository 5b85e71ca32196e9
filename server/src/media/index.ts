export type * from './ports.ts';
export { MediaError } from './media-error.ts';
export type { MediaErrorReason } from './media-error.ts';
