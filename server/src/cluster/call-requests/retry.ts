/** Between two attempts at something that failed, milliseconds. */
export const RETRY_MS = 1000;
