import type { StreamProblem } from './ports.ts';

/** Error codes of Media Streams; what each says of the application's server. */
export const STREAM_CODES = {
  timeout: 31901,
  refused: 31902,
  broken: 31903,
  tls: 31910,
  handshake: 31920,
  closed: 31921,
  protocol: 31924,
  message: 31951,
} as const;

export function problem(kind: keyof typeof STREAM_CODES, message: string): StreamProblem {
  return { code: STREAM_CODES[kind], message };
}
